import Omega.Arrival

/-!
Lists of the same elements, none twice, are arrangements of each other.
-/

namespace Omega

theorem perm_middle {α : Type} (x : α) (q : List α) : ∀ p : List α, Perm (p ++ x :: q) (x :: (p ++ q)) := by
  intro p
  induction p with
  | nil => exact perm_refl (x :: q)
  | cons y p ih =>
    have one : Perm (y :: (p ++ x :: q)) (y :: x :: (p ++ q)) := Perm.cons y ih
    exact Perm.trans one (Perm.swap y x (p ++ q))

theorem perm_turn {α : Type} (m : List α) : ∀ l : List α, Perm (l ++ m) (m ++ l) := by
  intro l
  induction l with
  | nil =>
    rw [List.append_nil]
    exact perm_refl m
  | cons x l ih =>
    have one : Perm (x :: (l ++ m)) (x :: (m ++ l)) := Perm.cons x ih
    exact Perm.trans one (perm_symm (perm_middle x l m))

theorem perm_with_nothing {α : Type} (l : List α) : Perm (l ++ []) l := by
  rw [List.append_nil]
  exact perm_refl l

theorem cut_at {α : Type} (x : α) : ∀ l : List α, x ∈ l → ∃ p q, l = p ++ x :: q := by
  intro l
  induction l with
  | nil =>
    intro h
    exact nowhere h
  | cons y l ih =>
    intro h
    rcases List.mem_cons.1 h with same | h
    · refine ⟨[], l, ?_⟩
      show y :: l = x :: l
      rw [same]
    · rcases ih h with ⟨p, q, e⟩
      refine ⟨y :: p, q, ?_⟩
      show y :: l = y :: (p ++ x :: q)
      rw [e]

/-- No element comes twice. -/
def Once {α : Type} : List α → Prop
  | [] => True
  | x :: l => ¬ x ∈ l ∧ Once l

theorem once_perm {α : Type} {l m : List α} (p : Perm l m) : Once l → Once m := by
  induction p with
  | nil => exact fun o => o
  | @cons x l m q ih =>
    intro o
    have o' : ¬ x ∈ l ∧ Once l := o
    show ¬ x ∈ m ∧ Once m
    exact ⟨fun h => o'.1 (q.mem x h), ih o'.2⟩
  | swap x y l =>
    intro o
    have o' : ¬ x ∈ y :: l ∧ (¬ y ∈ l ∧ Once l) := o
    show ¬ y ∈ x :: l ∧ (¬ x ∈ l ∧ Once l)
    refine ⟨?_, fun h => o'.1 (mem_tail y h), o'.2.2⟩
    intro h
    rcases List.mem_cons.1 h with same | h
    · rw [same] at o'
      exact o'.1 (mem_head x l)
    · exact o'.2.1 h
  | trans _ _ ih ih' => exact fun o => ih' (ih o)

theorem perm_of_same {α : Type} : ∀ l m : List α, Once l → Once m → (∀ x, x ∈ l ↔ x ∈ m) → Perm l m := by
  intro l
  induction l with
  | nil =>
    intro m _ _ same
    cases m with
    | nil => exact Perm.nil
    | cons y m => exact nowhere ((same y).2 (mem_head y m))
  | cons x l ih =>
    intro m ol om same
    have ol' : ¬ x ∈ l ∧ Once l := ol
    rcases cut_at x m ((same x).1 (mem_head x l)) with ⟨p, q, e⟩
    rw [e] at om same
    have turn : Perm (p ++ x :: q) (x :: (p ++ q)) := perm_middle x q p
    have om' : ¬ x ∈ p ++ q ∧ Once (p ++ q) := once_perm turn om
    have rest : Perm l (p ++ q) := by
      refine ih (p ++ q) ol'.2 om'.2 ?_
      intro y
      constructor
      · intro hy
        rcases List.mem_cons.1 (perm_mem turn y ((same y).1 (mem_tail x hy))) with yx | there
        · rw [yx] at hy
          exact absurd hy ol'.1
        · exact there
      · intro hy
        rcases List.mem_cons.1 ((same y).2 (turn.mem y (mem_tail x hy))) with yx | there
        · rw [yx] at hy
          exact absurd hy om'.1
        · exact there
    rw [e]
    exact Perm.trans (Perm.cons x rest) (perm_symm turn)

theorem once_append {α : Type} : ∀ l m : List α, Once l → Once m → (∀ x, x ∈ l → ¬ x ∈ m) → Once (l ++ m) := by
  intro l
  induction l with
  | nil =>
    intro m _ om _
    exact om
  | cons x l ih =>
    intro m ol om apart
    have ol' : ¬ x ∈ l ∧ Once l := ol
    show ¬ x ∈ l ++ m ∧ Once (l ++ m)
    refine ⟨?_, ih m ol'.2 om (fun z hz => apart z (mem_tail x hz))⟩
    intro h
    rcases List.mem_append.1 h with q | q
    · exact ol'.1 q
    · exact apart x (mem_head x l) q

end Omega
