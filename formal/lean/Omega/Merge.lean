import Omega.Order
import Omega.Sorting

/-!
Merging logs that agree: one history, whatever the order and however often.
-/

namespace Omega

section Keyed

/-- Puts an element in its place, once. -/
def putOnce {α : Type} (key : α → Nat) (a : α) : List α → List α
  | [] => [a]
  | b :: l => if key a < key b then a :: b :: l else if key a = key b then b :: l else b :: putOnce key a l

/-- The distinct elements, ascending. -/
def canon {α : Type} (key : α → Nat) : List α → List α
  | [] => []
  | a :: l => putOnce key a (canon key l)

/-- Every key is smaller than those behind it. -/
def Ascending {α : Type} (key : α → Nat) : List α → Prop
  | [] => True
  | a :: l => (∀ b, b ∈ l → key a < key b) ∧ Ascending key l

/-- No two elements share a key. -/
def Apart {α : Type} (key : α → Nat) (l : List α) : Prop :=
  ∀ a b, a ∈ l → b ∈ l → key a = key b → a = b

variable {α : Type} (key : α → Nat)

theorem putOnce_lt (a b : α) (l : List α) (h : key a < key b) : putOnce key a (b :: l) = a :: b :: l := by
  show (if key a < key b then a :: b :: l else if key a = key b then b :: l else b :: putOnce key a l) = _
  exact if_pos h

theorem putOnce_eq (a b : α) (l : List α) (h : key a = key b) : putOnce key a (b :: l) = b :: l := by
  show (if key a < key b then a :: b :: l else if key a = key b then b :: l else b :: putOnce key a l) = _
  have h' : ¬ key a < key b := by omega
  rw [if_neg h', if_pos h]

theorem putOnce_gt (a b : α) (l : List α) (h : key b < key a) :
    putOnce key a (b :: l) = b :: putOnce key a l := by
  show (if key a < key b then a :: b :: l else if key a = key b then b :: l else b :: putOnce key a l) = _
  have h' : ¬ key a < key b := by omega
  have h'' : ¬ key a = key b := by omega
  rw [if_neg h', if_neg h'']

theorem mem_of_putOnce (a x : α) : ∀ l : List α, x ∈ putOnce key a l → x = a ∨ x ∈ l := by
  intro l
  induction l with
  | nil =>
    intro h
    have h' : x ∈ [a] := h
    exact List.mem_cons.1 h'
  | cons b l ih =>
    intro h
    rcases Nat.lt_trichotomy (key a) (key b) with c | c | c
    · rw [putOnce_lt key a b l c] at h; exact List.mem_cons.1 h
    · rw [putOnce_eq key a b l c] at h; exact Or.inr h
    · rw [putOnce_gt key a b l c] at h
      rcases List.mem_cons.1 h with h | h
      · exact Or.inr (List.mem_cons.2 (Or.inl h))
      · rcases ih h with h | h
        · exact Or.inl h
        · exact Or.inr (List.mem_cons.2 (Or.inr h))

theorem putOnce_keeps (a x : α) : ∀ l : List α, x ∈ l → x ∈ putOnce key a l := by
  intro l
  induction l with
  | nil =>
    intro h
    show x ∈ [a]
    exact List.mem_cons.2 (Or.inr h)
  | cons b l ih =>
    intro h
    rcases Nat.lt_trichotomy (key a) (key b) with c | c | c
    · rw [putOnce_lt key a b l c]; exact List.mem_cons.2 (Or.inr h)
    · rw [putOnce_eq key a b l c]; exact h
    · rw [putOnce_gt key a b l c]
      rcases List.mem_cons.1 h with h | h
      · exact List.mem_cons.2 (Or.inl h)
      · exact List.mem_cons.2 (Or.inr (ih h))

theorem putOnce_has (a : α) : ∀ l : List α, (∀ b, b ∈ l → key a = key b → a = b) → a ∈ putOnce key a l := by
  intro l
  induction l with
  | nil =>
    intro _
    show a ∈ [a]
    exact List.mem_cons.2 (Or.inl rfl)
  | cons b l ih =>
    intro h
    rcases Nat.lt_trichotomy (key a) (key b) with c | c | c
    · rw [putOnce_lt key a b l c]; exact List.mem_cons.2 (Or.inl rfl)
    · rw [putOnce_eq key a b l c]
      exact List.mem_cons.2 (Or.inl (h b (List.mem_cons.2 (Or.inl rfl)) c))
    · rw [putOnce_gt key a b l c]
      exact List.mem_cons.2 (Or.inr (ih (fun x hx => h x (List.mem_cons.2 (Or.inr hx)))))

theorem mem_of_canon (x : α) : ∀ l : List α, x ∈ canon key l → x ∈ l := by
  intro l
  induction l with
  | nil => intro h; exact h
  | cons a l ih =>
    intro h
    have h' : x ∈ putOnce key a (canon key l) := h
    rcases mem_of_putOnce key a x (canon key l) h' with h | h
    · exact List.mem_cons.2 (Or.inl h)
    · exact List.mem_cons.2 (Or.inr (ih h))

theorem mem_canon (x : α) : ∀ l : List α, Apart key l → x ∈ l → x ∈ canon key l := by
  intro l
  induction l with
  | nil => intro _ h; exact h
  | cons a l ih =>
    intro apart h
    show x ∈ putOnce key a (canon key l)
    have apart' : Apart key l := fun y z hy hz =>
      apart y z (List.mem_cons.2 (Or.inr hy)) (List.mem_cons.2 (Or.inr hz))
    rcases List.mem_cons.1 h with h | h
    · rw [h]
      apply putOnce_has key a (canon key l)
      intro b hb
      exact apart a b (List.mem_cons.2 (Or.inl rfl)) (List.mem_cons.2 (Or.inr (mem_of_canon key b l hb)))
    · exact putOnce_keeps key a x (canon key l) (ih apart' h)

theorem putOnce_ascending (a : α) : ∀ l : List α, Ascending key l → Ascending key (putOnce key a l) := by
  intro l
  induction l with
  | nil =>
    intro _
    show (∀ b, b ∈ ([] : List α) → key a < key b) ∧ Ascending key []
    exact ⟨fun b h => (by cases h), True.intro⟩
  | cons b l ih =>
    intro h
    have h' : (∀ c, c ∈ l → key b < key c) ∧ Ascending key l := h
    rcases Nat.lt_trichotomy (key a) (key b) with c | c | c
    · rw [putOnce_lt key a b l c]
      show (∀ x, x ∈ b :: l → key a < key x) ∧ Ascending key (b :: l)
      refine ⟨fun x hx => ?_, h⟩
      rcases List.mem_cons.1 hx with e | hx
      · rw [e]; exact c
      · exact Nat.lt_trans c (h'.1 x hx)
    · rw [putOnce_eq key a b l c]; exact h
    · rw [putOnce_gt key a b l c]
      show (∀ x, x ∈ putOnce key a l → key b < key x) ∧ Ascending key (putOnce key a l)
      refine ⟨fun x hx => ?_, ih h'.2⟩
      rcases mem_of_putOnce key a x l hx with e | hx
      · rw [e]; exact c
      · exact h'.1 x hx

theorem canon_ascending : ∀ l : List α, Ascending key (canon key l) := by
  intro l
  induction l with
  | nil => exact True.intro
  | cons a l ih =>
    show Ascending key (putOnce key a (canon key l))
    exact putOnce_ascending key a (canon key l) ih

/-- A set has one ascending list. -/
theorem ascending_unique : ∀ l m : List α, Ascending key l → Ascending key m →
    (∀ x, x ∈ l ↔ x ∈ m) → l = m := by
  intro l
  induction l with
  | nil =>
    intro m _ _ e
    cases m with
    | nil => rfl
    | cons b m =>
      have h : b ∈ ([] : List α) := (e b).2 (List.mem_cons.2 (Or.inl rfl))
      cases h
  | cons a l ih =>
    intro m hl hm e
    cases m with
    | nil =>
      have h : a ∈ ([] : List α) := (e a).1 (List.mem_cons.2 (Or.inl rfl))
      cases h
    | cons b m =>
      have hl' : (∀ x, x ∈ l → key a < key x) ∧ Ascending key l := hl
      have hm' : (∀ x, x ∈ m → key b < key x) ∧ Ascending key m := hm
      have hab : a = b := by
        rcases List.mem_cons.1 ((e a).1 (List.mem_cons.2 (Or.inl rfl))) with h | h
        · exact h
        · rcases List.mem_cons.1 ((e b).2 (List.mem_cons.2 (Or.inl rfl))) with h' | h'
          · exact h'.symm
          · have p := hm'.1 a h
            have q := hl'.1 b h'
            omega
      have rest : l = m := by
        apply ih m hl'.2 hm'.2
        intro x
        constructor
        · intro hx
          rcases List.mem_cons.1 ((e x).1 (List.mem_cons.2 (Or.inr hx))) with h | h
          · have p := hl'.1 x hx
            rw [h, hab] at p
            exact absurd p (Nat.lt_irrefl (key b))
          · exact h
        · intro hx
          rcases List.mem_cons.1 ((e x).2 (List.mem_cons.2 (Or.inr hx))) with h | h
          · have p := hm'.1 x hx
            rw [h, hab] at p
            exact absurd p (Nat.lt_irrefl (key b))
          · exact h
      rw [hab, rest]

end Keyed

/-- The events of both logs, each once, in order of K. -/
def merge (l m : List Event) : List Event := canon K (l ++ m)

/-- An id names one event, and ids are in the domain. -/
def Agree (l : List Event) : Prop :=
  (∀ a b, a ∈ l → b ∈ l → a.id = b.id → a = b) ∧ ∀ e, e ∈ l → e.id < idEnd

theorem agree_apart (l : List Event) (h : Agree l) : Apart K l := fun a b ha hb e =>
  h.1 a b ha hb (id_eq_of_K_eq a b (h.2 a ha) (h.2 b hb) e)

theorem agree_part (l m : List Event) (h : Agree m) (i : ∀ e, e ∈ l → e ∈ m) : Agree l :=
  ⟨fun a b ha hb => h.1 a b (i a ha) (i b hb), fun e he => h.2 e (i e he)⟩

theorem mem_merge (l m : List Event) (h : Agree (l ++ m)) (e : Event) :
    e ∈ merge l m ↔ e ∈ l ∨ e ∈ m := by
  constructor
  · intro he
    exact List.mem_append.1 (mem_of_canon K e (l ++ m) he)
  · intro he
    exact mem_canon K e (l ++ m) (agree_apart (l ++ m) h) (List.mem_append.2 he)

theorem merge_ascending (l m : List Event) : Ascending K (merge l m) := canon_ascending K (l ++ m)

theorem merge_commutative (l m : List Event) (h : Agree (l ++ m)) : merge l m = merge m l := by
  have h' : Agree (m ++ l) := agree_part (m ++ l) (l ++ m) h (fun e he => by
    rcases List.mem_append.1 he with he | he
    · exact List.mem_append.2 (Or.inr he)
    · exact List.mem_append.2 (Or.inl he))
  apply ascending_unique K (merge l m) (merge m l) (merge_ascending l m) (merge_ascending m l)
  intro e
  rw [mem_merge l m h e, mem_merge m l h' e]
  constructor
  · intro he; exact he.symm
  · intro he; exact he.symm

theorem merge_associative (l m n : List Event) (h : Agree (l ++ (m ++ n))) :
    merge (merge l m) n = merge l (merge m n) := by
  have part : ∀ p : List Event, (∀ e, e ∈ p → e ∈ l ∨ e ∈ m ∨ e ∈ n) → Agree p := fun p i =>
    agree_part p (l ++ (m ++ n)) h (fun e he => by
      rcases i e he with he | he | he
      · exact List.mem_append.2 (Or.inl he)
      · exact List.mem_append.2 (Or.inr (List.mem_append.2 (Or.inl he)))
      · exact List.mem_append.2 (Or.inr (List.mem_append.2 (Or.inr he))))
  have hlm : Agree (l ++ m) := part (l ++ m) (fun e he => by
    rcases List.mem_append.1 he with he | he
    · exact Or.inl he
    · exact Or.inr (Or.inl he))
  have hmn : Agree (m ++ n) := part (m ++ n) (fun e he => Or.inr (List.mem_append.1 he))
  have h1 : Agree (merge l m ++ n) := part (merge l m ++ n) (fun e he => by
    rcases List.mem_append.1 he with he | he
    · rcases (mem_merge l m hlm e).1 he with he | he
      · exact Or.inl he
      · exact Or.inr (Or.inl he)
    · exact Or.inr (Or.inr he))
  have h2 : Agree (l ++ merge m n) := part (l ++ merge m n) (fun e he => by
    rcases List.mem_append.1 he with he | he
    · exact Or.inl he
    · exact Or.inr ((mem_merge m n hmn e).1 he))
  apply ascending_unique K (merge (merge l m) n) (merge l (merge m n)) (merge_ascending (merge l m) n)
    (merge_ascending l (merge m n))
  intro e
  rw [mem_merge (merge l m) n h1 e, mem_merge l (merge m n) h2 e, mem_merge l m hlm e, mem_merge m n hmn e]
  constructor
  · intro he
    rcases he with he | he
    · rcases he with he | he
      · exact Or.inl he
      · exact Or.inr (Or.inl he)
    · exact Or.inr (Or.inr he)
  · intro he
    rcases he with he | he | he
    · exact Or.inl (Or.inl he)
    · exact Or.inl (Or.inr he)
    · exact Or.inr he

theorem merge_idempotent (l : List Event) (ascending : Ascending K l) (h : Agree l) : merge l l = l := by
  have h' : Agree (l ++ l) := agree_part (l ++ l) l h (fun e he => by
    rcases List.mem_append.1 he with he | he
    · exact he
    · exact he)
  apply ascending_unique K (merge l l) l (merge_ascending l l) ascending
  intro e
  rw [mem_merge l l h' e]
  constructor
  · intro he
    rcases he with he | he
    · exact he
    · exact he
  · intro he; exact Or.inl he

theorem merge_again (l m : List Event) (h : Agree (l ++ m)) : merge (merge l m) m = merge l m := by
  have h' : Agree (merge l m ++ m) := agree_part (merge l m ++ m) (l ++ m) h (fun e he => by
    rcases List.mem_append.1 he with he | he
    · exact List.mem_append.2 ((mem_merge l m h e).1 he)
    · exact List.mem_append.2 (Or.inr he))
  apply ascending_unique K (merge (merge l m) m) (merge l m) (merge_ascending (merge l m) m) (merge_ascending l m)
  intro e
  rw [mem_merge (merge l m) m h' e]
  constructor
  · intro he
    rcases he with he | he
    · exact he
    · exact (mem_merge l m h e).2 (Or.inr he)
  · intro he
    exact Or.inl he

end Omega
