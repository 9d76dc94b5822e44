import Omega.Accepts
import Omega.Sorting

/-!
The order of the logs, and of the events within them, changes nothing.
-/

namespace Omega

/-- Each log with its events in another order. -/
inductive Shuffled : List (List Occurrence) → List (List Occurrence) → Prop where
  | nil : Shuffled [] []
  | cons {l m : List Occurrence} {b c : List (List Occurrence)} : Perm l m → Shuffled b c → Shuffled (l :: b) (m :: c)

/-- The same logs in another order, each with its events in another order. -/
def Rearranged (b c : Batch) : Prop := ∃ m, Perm b m ∧ Shuffled m c

theorem count_yes {α : Type} (t : α → Bool) (a : α) (l : List α) (h : t a = true) : count t (a :: l) = count t l + 1 := by
  show (if t a = true then count t l + 1 else count t l) = count t l + 1
  exact if_pos h

theorem count_no {α : Type} (t : α → Bool) (a : α) (l : List α) (h : ¬ t a = true) : count t (a :: l) = count t l := by
  show (if t a = true then count t l + 1 else count t l) = count t l
  exact if_neg h

theorem count_cons {α : Type} (t : α → Bool) (a : α) (l m : List α) (h : count t l = count t m) :
    count t (a :: l) = count t (a :: m) := by
  by_cases c : t a = true
  · rw [count_yes t a l c, count_yes t a m c, h]
  · rw [count_no t a l c, count_no t a m c, h]

theorem count_swap {α : Type} (t : α → Bool) (a b : α) (l : List α) : count t (a :: b :: l) = count t (b :: a :: l) := by
  by_cases c : t a = true
  · by_cases d : t b = true
    · rw [count_yes t a (b :: l) c, count_yes t b l d, count_yes t b (a :: l) d, count_yes t a l c]
    · rw [count_yes t a (b :: l) c, count_no t b l d, count_no t b (a :: l) d, count_yes t a l c]
  · by_cases d : t b = true
    · rw [count_no t a (b :: l) c, count_yes t b l d, count_yes t b (a :: l) d, count_no t a l c]
    · rw [count_no t a (b :: l) c, count_no t b l d, count_no t b (a :: l) d, count_no t a l c]

theorem count_perm {α : Type} (t : α → Bool) {l m : List α} (p : Perm l m) : count t l = count t m := by
  induction p with
  | nil => rfl
  | @cons a l m _ ih => exact count_cons t a l m ih
  | swap a b l => exact count_swap t a b l
  | trans _ _ ih ih' => exact ih.trans ih'

/-! ### Two different logs that hold two events, without places -/

theorem inTwo_here (l : List Occurrence) (b : List (List Occurrence)) (e f : Event) :
    InTwo (l :: b) e f ↔ (Holds l e ∧ ∃ m, m ∈ b ∧ Holds m f) ∨ (Holds l f ∧ ∃ m, m ∈ b ∧ Holds m e) ∨ InTwo b e f := by
  constructor
  · intro h
    rcases h with ⟨i, j, x, y, hi, hj, ij, xe, yf⟩
    cases i with
    | zero =>
      have lx : l = x := Option.some.inj hi
      cases j with
      | zero => exact False.elim (ij rfl)
      | succ j =>
        have hj' : nth b j = some y := hj
        refine Or.inl ⟨?_, y, mem_of_nth y b j hj', yf⟩
        rw [lx]
        exact xe
    | succ i =>
      have hi' : nth b i = some x := hi
      cases j with
      | zero =>
        have ly : l = y := Option.some.inj hj
        refine Or.inr (Or.inl ⟨?_, x, mem_of_nth x b i hi', xe⟩)
        rw [ly]
        exact yf
      | succ j =>
        have hj' : nth b j = some y := hj
        have ij' : i ≠ j := by
          intro same
          apply ij
          rw [same]
        exact Or.inr (Or.inr ⟨i, j, x, y, hi', hj', ij', xe, yf⟩)
  · intro h
    rcases h with h | h | h
    · rcases h with ⟨le, m, hm, mf⟩
      rcases nth_of_mem m b hm with ⟨j, hj⟩
      have ne : 0 ≠ j + 1 := by omega
      exact ⟨0, j + 1, l, m, rfl, hj, ne, le, mf⟩
    · rcases h with ⟨lf, m, hm, me⟩
      rcases nth_of_mem m b hm with ⟨i, hi⟩
      have ne : i + 1 ≠ 0 := by omega
      exact ⟨i + 1, 0, m, l, hi, rfl, ne, me, lf⟩
    · rcases h with ⟨i, j, x, y, hi, hj, ij, xe, yf⟩
      have ne : i + 1 ≠ j + 1 := by omega
      exact ⟨i + 1, j + 1, x, y, hi, hj, ne, xe, yf⟩

theorem holds_perm {l m : List Occurrence} (p : Perm l m) (e : Event) (h : Holds l e) : Holds m e := by
  rcases h with ⟨o, ho, eo⟩
  exact ⟨o, perm_mem p o ho, eo⟩

theorem inTwo_perm {b c : List (List Occurrence)} (p : Perm b c) (e f : Event) : InTwo b e f → InTwo c e f := by
  induction p with
  | nil => exact fun h => h
  | @cons l b c q ih =>
    intro h
    rcases (inTwo_here l b e f).1 h with h | h | h
    · rcases h with ⟨le, m, hm, mf⟩
      exact (inTwo_here l c e f).2 (Or.inl ⟨le, m, perm_mem q m hm, mf⟩)
    · rcases h with ⟨lf, m, hm, me⟩
      exact (inTwo_here l c e f).2 (Or.inr (Or.inl ⟨lf, m, perm_mem q m hm, me⟩))
    · exact (inTwo_here l c e f).2 (Or.inr (Or.inr (ih h)))
  | swap l m b =>
    intro h
    rcases (inTwo_here l (m :: b) e f).1 h with h | h | h
    · rcases h with ⟨le, x, hx, xf⟩
      rcases List.mem_cons.1 hx with same | hx
      · rw [same] at xf
        exact (inTwo_here m (l :: b) e f).2 (Or.inr (Or.inl ⟨xf, l, mem_head l b, le⟩))
      · exact (inTwo_here m (l :: b) e f).2 (Or.inr (Or.inr ((inTwo_here l b e f).2 (Or.inl ⟨le, x, hx, xf⟩))))
    · rcases h with ⟨lf, x, hx, xe⟩
      rcases List.mem_cons.1 hx with same | hx
      · rw [same] at xe
        exact (inTwo_here m (l :: b) e f).2 (Or.inl ⟨xe, l, mem_head l b, lf⟩)
      · exact (inTwo_here m (l :: b) e f).2
          (Or.inr (Or.inr ((inTwo_here l b e f).2 (Or.inr (Or.inl ⟨lf, x, hx, xe⟩)))))
    · rcases (inTwo_here m b e f).1 h with h | h | h
      · rcases h with ⟨me, x, hx, xf⟩
        exact (inTwo_here m (l :: b) e f).2 (Or.inl ⟨me, x, mem_tail l hx, xf⟩)
      · rcases h with ⟨mf, x, hx, xe⟩
        exact (inTwo_here m (l :: b) e f).2 (Or.inr (Or.inl ⟨mf, x, mem_tail l hx, xe⟩))
      · exact (inTwo_here m (l :: b) e f).2 (Or.inr (Or.inr ((inTwo_here l b e f).2 (Or.inr (Or.inr h)))))
  | trans _ _ ih ih' => exact fun h => ih' (ih h)

theorem shuffled_log {b c : List (List Occurrence)} (s : Shuffled b c) : ∀ l, l ∈ b → ∃ m, m ∈ c ∧ Perm l m := by
  induction s with
  | nil =>
    intro l hl
    exact nowhere hl
  | @cons l m b c p _ ih =>
    intro x hx
    rcases List.mem_cons.1 hx with same | hx
    · rw [same]
      exact ⟨m, mem_head m c, p⟩
    · rcases ih x hx with ⟨y, hy, q⟩
      exact ⟨y, mem_tail m hy, q⟩

theorem inTwo_shuffled {b c : List (List Occurrence)} (s : Shuffled b c) (e f : Event) : InTwo b e f → InTwo c e f := by
  induction s with
  | nil => exact fun h => h
  | @cons l m b c p q ih =>
    intro h
    rcases (inTwo_here l b e f).1 h with h | h | h
    · rcases h with ⟨le, x, hx, xf⟩
      rcases shuffled_log q x hx with ⟨y, hy, r⟩
      exact (inTwo_here m c e f).2 (Or.inl ⟨holds_perm p e le, y, hy, holds_perm r f xf⟩)
    · rcases h with ⟨lf, x, hx, xe⟩
      rcases shuffled_log q x hx with ⟨y, hy, r⟩
      exact (inTwo_here m c e f).2 (Or.inr (Or.inl ⟨holds_perm p f lf, y, hy, holds_perm r e xe⟩))
    · exact (inTwo_here m c e f).2 (Or.inr (Or.inr (ih h)))

end Omega
