/-!
Tests: what a boolean says, as a proposition. All of it is defined here, so that nothing depends on what a library
calls it.
-/

namespace Omega

theorem off {p : Prop} (h : false = true) : p := by
  cases h

theorem nowhere {α : Type} {p : Prop} {a : α} (h : a ∈ ([] : List α)) : p := by
  cases h

theorem mem_head {α : Type} (a : α) (l : List α) : a ∈ a :: l :=
  List.mem_cons.2 (Or.inl rfl)

theorem mem_tail {α : Type} {a : α} (b : α) {l : List α} (h : a ∈ l) : a ∈ b :: l :=
  List.mem_cons.2 (Or.inr h)

theorem andb_of {a b : Bool} {p q : Prop} (ha : a = true ↔ p) (hb : b = true ↔ q) :
    (a && b) = true ↔ p ∧ q := by
  constructor
  · intro h
    cases a with
    | false => exact off h
    | true => exact ⟨ha.1 rfl, hb.1 h⟩
  · intro h
    cases a with
    | false => exact off (ha.2 h.1)
    | true => exact hb.2 h.2

theorem orb_of {a b : Bool} {p q : Prop} (ha : a = true ↔ p) (hb : b = true ↔ q) :
    (a || b) = true ↔ p ∨ q := by
  constructor
  · intro h
    cases a with
    | false => exact Or.inr (hb.1 h)
    | true => exact Or.inl (ha.1 rfl)
  · intro h
    cases a with
    | false =>
      rcases h with hp | hq
      · exact off (ha.2 hp)
      · exact hb.2 hq
    | true => exact rfl

theorem notb_of {a : Bool} {p : Prop} (ha : a = true ↔ p) : (!a) = true ↔ ¬ p := by
  constructor
  · intro h hp
    cases a with
    | false => exact off (ha.2 hp)
    | true => exact off h
  · intro h
    cases a with
    | false => exact rfl
    | true => exact absurd (ha.1 rfl) h

theorem decide_iff (p : Prop) [Decidable p] : decide p = true ↔ p :=
  ⟨of_decide_eq_true, decide_eq_true⟩

/-- Some element passes. -/
def anyb {α : Type} (t : α → Bool) : List α → Bool
  | [] => false
  | a :: l => t a || anyb t l

theorem anyb_of {α : Type} {t : α → Bool} {p : α → Prop} {l : List α} (h : ∀ a, t a = true ↔ p a) :
    anyb t l = true ↔ ∃ a, a ∈ l ∧ p a := by
  induction l with
  | nil =>
    constructor
    · intro e
      exact off e
    · intro e
      rcases e with ⟨a, ha, _⟩
      exact nowhere ha
  | cons a l ih =>
    have both : (t a || anyb t l) = true ↔ p a ∨ ∃ x, x ∈ l ∧ p x := orb_of (h a) ih
    constructor
    · intro e
      rcases both.1 e with e | e
      · exact ⟨a, mem_head a l, e⟩
      · rcases e with ⟨x, hx, hp⟩
        exact ⟨x, mem_tail a hx, hp⟩
    · intro e
      rcases e with ⟨x, hx, hp⟩
      rcases List.mem_cons.1 hx with e | hx
      · rw [e] at hp
        exact both.2 (Or.inl hp)
      · exact both.2 (Or.inr ⟨x, hx, hp⟩)

/-- Every element passes. -/
def allb {α : Type} (t : α → Bool) : List α → Bool
  | [] => true
  | a :: l => t a && allb t l

theorem allb_of {α : Type} {t : α → Bool} {p : α → Prop} {l : List α} (h : ∀ a, t a = true ↔ p a) :
    allb t l = true ↔ ∀ a, a ∈ l → p a := by
  induction l with
  | nil =>
    constructor
    · intro _ a ha
      exact nowhere ha
    · intro _
      exact rfl
  | cons a l ih =>
    have both : (t a && allb t l) = true ↔ p a ∧ ∀ x, x ∈ l → p x := andb_of (h a) ih
    constructor
    · intro e x hx
      rcases List.mem_cons.1 hx with e' | hx
      · rw [e']
        exact (both.1 e).1
      · exact (both.1 e).2 x hx
    · intro e
      exact both.2 ⟨e a (mem_head a l), fun x hx => e x (mem_tail a hx)⟩

theorem none_or {α : Type} (o : Option α) : o = none ∨ ∃ a, o = some a := by
  cases o with
  | none => exact Or.inl rfl
  | some a => exact Or.inr ⟨a, rfl⟩

/-- There is something, and it passes. -/
def optb {α : Type} (t : α → Bool) : Option α → Bool
  | none => false
  | some a => t a

theorem optb_of {α : Type} {t : α → Bool} {p : α → Prop} {o : Option α} (h : ∀ a, t a = true ↔ p a) :
    optb t o = true ↔ ∃ a, o = some a ∧ p a := by
  cases o with
  | none =>
    constructor
    · intro e
      exact off e
    · intro e
      rcases e with ⟨a, ha, _⟩
      cases ha
  | some x =>
    constructor
    · intro e
      exact ⟨x, rfl, (h x).1 e⟩
    · intro e
      rcases e with ⟨a, ha, hp⟩
      have hx : x = a := Option.some.inj ha
      rw [← hx] at hp
      exact (h x).2 hp

end Omega
