import Omega.Reconcile

/-!
The distinct events of a batch, ascending: one list for each set.
-/

namespace Omega

/-- Every event is earlier than those behind it. -/
def Rising : List Event → Prop
  | [] => True
  | a :: l => (∀ b, b ∈ l → Earlier a b) ∧ Rising l

theorem insertOnce_before (a b : Event) (l : List Event) (h : lexLt (key a) (key b) = true) :
    insertOnce a (b :: l) = a :: b :: l := by
  show (if lexLt (key a) (key b) = true then a :: b :: l
    else if lexLt (key b) (key a) = true then b :: insertOnce a l else b :: l) = a :: b :: l
  exact if_pos h

theorem insertOnce_behind (a b : Event) (l : List Event) (h : ¬ lexLt (key a) (key b) = true)
    (h' : lexLt (key b) (key a) = true) : insertOnce a (b :: l) = b :: insertOnce a l := by
  show (if lexLt (key a) (key b) = true then a :: b :: l
    else if lexLt (key b) (key a) = true then b :: insertOnce a l else b :: l) = b :: insertOnce a l
  rw [if_neg h]
  exact if_pos h'

theorem insertOnce_there (a b : Event) (l : List Event) (h : ¬ lexLt (key a) (key b) = true)
    (h' : ¬ lexLt (key b) (key a) = true) : insertOnce a (b :: l) = b :: l := by
  show (if lexLt (key a) (key b) = true then a :: b :: l
    else if lexLt (key b) (key a) = true then b :: insertOnce a l else b :: l) = b :: l
  rw [if_neg h]
  exact if_neg h'

theorem mem_of_insertOnce (a x : Event) : ∀ l : List Event, x ∈ insertOnce a l → x = a ∨ x ∈ l := by
  intro l
  induction l with
  | nil =>
    intro h
    have h' : x ∈ [a] := h
    exact List.mem_cons.1 h'
  | cons b l ih =>
    intro h
    by_cases c : lexLt (key a) (key b) = true
    · rw [insertOnce_before a b l c] at h
      exact List.mem_cons.1 h
    · by_cases d : lexLt (key b) (key a) = true
      · rw [insertOnce_behind a b l c d] at h
        rcases List.mem_cons.1 h with h | h
        · exact Or.inr (List.mem_cons.2 (Or.inl h))
        · rcases ih h with h | h
          · exact Or.inl h
          · exact Or.inr (mem_tail b h)
      · rw [insertOnce_there a b l c d] at h
        exact Or.inr h

theorem insertOnce_keeps (a x : Event) : ∀ l : List Event, x ∈ l → x ∈ insertOnce a l := by
  intro l
  induction l with
  | nil =>
    intro h
    exact nowhere h
  | cons b l ih =>
    intro h
    by_cases c : lexLt (key a) (key b) = true
    · rw [insertOnce_before a b l c]
      exact mem_tail a h
    · by_cases d : lexLt (key b) (key a) = true
      · rw [insertOnce_behind a b l c d]
        rcases List.mem_cons.1 h with h | h
        · exact List.mem_cons.2 (Or.inl h)
        · exact mem_tail b (ih h)
      · rw [insertOnce_there a b l c d]
        exact h

theorem insertOnce_has (a : Event) : ∀ l : List Event, (∀ b, b ∈ l → a.hash = b.hash → a = b) →
    a ∈ insertOnce a l := by
  intro l
  induction l with
  | nil =>
    intro _
    show a ∈ [a]
    exact mem_head a []
  | cons b l ih =>
    intro h
    by_cases c : lexLt (key a) (key b) = true
    · rw [insertOnce_before a b l c]
      exact mem_head a (b :: l)
    · by_cases d : lexLt (key b) (key a) = true
      · rw [insertOnce_behind a b l c d]
        exact mem_tail b (ih (fun x hx => h x (mem_tail b hx)))
      · rw [insertOnce_there a b l c d]
        have same : a.hash = b.hash := by
          rcases earlier_total a b with t | t | t
          · exact absurd t c
          · exact t
          · exact absurd t d
        exact List.mem_cons.2 (Or.inl (h b (mem_head b l) same))

theorem insertOnce_rising (a : Event) : ∀ l : List Event, Rising l → Rising (insertOnce a l) := by
  intro l
  induction l with
  | nil =>
    intro _
    show (∀ b, b ∈ ([] : List Event) → Earlier a b) ∧ Rising []
    exact ⟨fun b h => nowhere h, True.intro⟩
  | cons b l ih =>
    intro h
    have h' : (∀ c, c ∈ l → Earlier b c) ∧ Rising l := h
    by_cases c : lexLt (key a) (key b) = true
    · rw [insertOnce_before a b l c]
      show (∀ x, x ∈ b :: l → Earlier a x) ∧ Rising (b :: l)
      refine ⟨fun x hx => ?_, h⟩
      rcases List.mem_cons.1 hx with e | hx
      · rw [e]
        exact c
      · exact earlier_transitive a b x c (h'.1 x hx)
    · by_cases d : lexLt (key b) (key a) = true
      · rw [insertOnce_behind a b l c d]
        show (∀ x, x ∈ insertOnce a l → Earlier b x) ∧ Rising (insertOnce a l)
        refine ⟨fun x hx => ?_, ih h'.2⟩
        rcases mem_of_insertOnce a x l hx with e | hx
        · rw [e]
          exact d
        · exact h'.1 x hx
      · rw [insertOnce_there a b l c d]
        exact h

theorem ascendingOf_rising : ∀ l : List Event, Rising (ascendingOf l) := by
  intro l
  induction l with
  | nil => exact True.intro
  | cons a l ih =>
    show Rising (insertOnce a (ascendingOf l))
    exact insertOnce_rising a (ascendingOf l) ih

theorem mem_of_ascendingOf (x : Event) : ∀ l : List Event, x ∈ ascendingOf l → x ∈ l := by
  intro l
  induction l with
  | nil =>
    intro h
    exact h
  | cons a l ih =>
    intro h
    have h' : x ∈ insertOnce a (ascendingOf l) := h
    rcases mem_of_insertOnce a x (ascendingOf l) h' with h | h
    · exact List.mem_cons.2 (Or.inl h)
    · exact mem_tail a (ih h)

theorem mem_ascendingOf (x : Event) : ∀ l : List Event,
    (∀ a b, a ∈ l → b ∈ l → a.hash = b.hash → a = b) → x ∈ l → x ∈ ascendingOf l := by
  intro l
  induction l with
  | nil =>
    intro _ h
    exact h
  | cons a l ih =>
    intro fits h
    show x ∈ insertOnce a (ascendingOf l)
    rcases List.mem_cons.1 h with h | h
    · rw [h]
      exact insertOnce_has a (ascendingOf l)
        (fun b hb => fits a b (mem_head a l) (mem_tail a (mem_of_ascendingOf b l hb)))
    · exact insertOnce_keeps a x (ascendingOf l)
        (ih (fun y z hy hz => fits y z (mem_tail a hy) (mem_tail a hz)) h)

/-- A set of events has one ascending list. -/
theorem rising_unique : ∀ l m : List Event, Rising l → Rising m → (∀ x, x ∈ l ↔ x ∈ m) → l = m := by
  intro l
  induction l with
  | nil =>
    intro m _ _ e
    cases m with
    | nil => rfl
    | cons b m => exact nowhere ((e b).2 (mem_head b m))
  | cons a l ih =>
    intro m hl hm e
    cases m with
    | nil => exact nowhere ((e a).1 (mem_head a l))
    | cons b m =>
      have hl' : (∀ x, x ∈ l → Earlier a x) ∧ Rising l := hl
      have hm' : (∀ x, x ∈ m → Earlier b x) ∧ Rising m := hm
      have hab : a = b := by
        rcases List.mem_cons.1 ((e a).1 (mem_head a l)) with h | h
        · exact h
        · rcases List.mem_cons.1 ((e b).2 (mem_head b m)) with h' | h'
          · exact h'.symm
          · exact absurd (hl'.1 b h') (earlier_asymmetric b a (hm'.1 a h))
      have rest : l = m := by
        apply ih m hl'.2 hm'.2
        intro x
        constructor
        · intro hx
          rcases List.mem_cons.1 ((e x).1 (mem_tail a hx)) with h | h
          · have p := hl'.1 x hx
            rw [h, hab] at p
            exact absurd p (earlier_irreflexive b)
          · exact h
        · intro hx
          rcases List.mem_cons.1 ((e x).2 (mem_tail b hx)) with h | h
          · have p := hm'.1 x hx
            rw [h, hab] at p
            exact absurd p (earlier_irreflexive b)
          · exact h
      rw [hab, rest]

end Omega
