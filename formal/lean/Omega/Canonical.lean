import Omega.Order
import Omega.Tests

/-!
Canonical order: lists of fields compared from the front, and the number K that the first four make.
-/

namespace Omega

/-- The first difference decides; a list that ends earlier is smaller. -/
def lexLt : List Nat → List Nat → Bool
  | [], [] => false
  | [], _ :: _ => true
  | _ :: _, [] => false
  | x :: a, y :: b => if x < y then true else if x = y then lexLt a b else false

theorem lexLt_cons (x y : Nat) (a b : List Nat) :
    lexLt (x :: a) (y :: b) = true ↔ x < y ∨ (x = y ∧ lexLt a b = true) := by
  have e : lexLt (x :: a) (y :: b) = (if x < y then true else if x = y then lexLt a b else false) := rfl
  rw [e]
  by_cases h : x < y
  · rw [if_pos h]
    constructor
    · intro _
      exact Or.inl h
    · intro _
      exact rfl
  · rw [if_neg h]
    by_cases h' : x = y
    · rw [if_pos h']
      constructor
      · intro t
        exact Or.inr ⟨h', t⟩
      · intro t
        rcases t with t | t
        · exact absurd t h
        · exact t.2
    · rw [if_neg h']
      constructor
      · intro t
        exact off t
      · intro t
        rcases t with t | t
        · exact absurd t h
        · exact absurd t.1 h'

theorem lexLt_irreflexive : ∀ a : List Nat, ¬ lexLt a a = true := by
  intro a
  induction a with
  | nil =>
    intro h
    exact off h
  | cons x a ih =>
    intro h
    rcases (lexLt_cons x x a a).1 h with h | h
    · exact Nat.lt_irrefl x h
    · exact ih h.2

theorem lexLt_transitive : ∀ a b c : List Nat, lexLt a b = true → lexLt b c = true → lexLt a c = true := by
  intro a
  induction a with
  | nil =>
    intro b c hab hbc
    cases b with
    | nil => exact off hab
    | cons y b =>
      cases c with
      | nil => exact off hbc
      | cons z c => exact rfl
  | cons x a ih =>
    intro b c hab hbc
    cases b with
    | nil => exact off hab
    | cons y b =>
      cases c with
      | nil => exact off hbc
      | cons z c =>
        rcases (lexLt_cons x y a b).1 hab with h | h
        · rcases (lexLt_cons y z b c).1 hbc with h' | h'
          · exact (lexLt_cons x z a c).2 (Or.inl (Nat.lt_trans h h'))
          · exact (lexLt_cons x z a c).2 (Or.inl (Nat.lt_of_lt_of_le h (Nat.le_of_eq h'.1)))
        · rcases (lexLt_cons y z b c).1 hbc with h' | h'
          · exact (lexLt_cons x z a c).2 (Or.inl (Nat.lt_of_le_of_lt (Nat.le_of_eq h.1) h'))
          · exact (lexLt_cons x z a c).2 (Or.inr ⟨h.1.trans h'.1, ih b c h.2 h'.2⟩)

/-- Any two are equal or one is smaller. -/
theorem lexLt_total : ∀ a b : List Nat, lexLt a b = true ∨ a = b ∨ lexLt b a = true := by
  intro a
  induction a with
  | nil =>
    intro b
    cases b with
    | nil => exact Or.inr (Or.inl rfl)
    | cons y b => exact Or.inl rfl
  | cons x a ih =>
    intro b
    cases b with
    | nil => exact Or.inr (Or.inr rfl)
    | cons y b =>
      rcases Nat.lt_trichotomy x y with h | h | h
      · exact Or.inl ((lexLt_cons x y a b).2 (Or.inl h))
      · rcases ih b with t | t | t
        · exact Or.inl ((lexLt_cons x y a b).2 (Or.inr ⟨h, t⟩))
        · exact Or.inr (Or.inl (by rw [h, t]))
        · exact Or.inr (Or.inr ((lexLt_cons y x b a).2 (Or.inr ⟨h.symm, t⟩)))
      · exact Or.inr (Or.inr ((lexLt_cons y x b a).2 (Or.inl h)))

/-! ### Events -/

/-- The fields of K, then what breaks ties: the full id, then the event hash. -/
def key (e : Event) : List Nat :=
  [e.lamport, e.node, e.stream, e.id % idEnd, e.id, e.hash]

def earlier (a b : Event) : Bool := lexLt (key a) (key b)

def Earlier (a b : Event) : Prop := lexLt (key a) (key b) = true

theorem earlier_irreflexive (a : Event) : ¬ Earlier a a :=
  lexLt_irreflexive (key a)

theorem earlier_transitive (a b c : Event) (h : Earlier a b) (h' : Earlier b c) : Earlier a c :=
  lexLt_transitive (key a) (key b) (key c) h h'

theorem earlier_asymmetric (a b : Event) (h : Earlier a b) : ¬ Earlier b a :=
  fun h' => earlier_irreflexive a (earlier_transitive a b a h h')

/-- The last of six fields. -/
def sixth : List Nat → Nat
  | [_, _, _, _, _, h] => h
  | _ => 0

theorem hash_eq_of_key_eq (a b : Event) (h : key a = key b) : a.hash = b.hash := by
  have e := congrArg sixth h
  exact e

theorem earlier_total (a b : Event) : Earlier a b ∨ a.hash = b.hash ∨ Earlier b a := by
  rcases lexLt_total (key a) (key b) with h | h | h
  · exact Or.inl h
  · exact Or.inr (Or.inl (hash_eq_of_key_eq a b h))
  · exact Or.inr (Or.inr h)

/-! ### As one number -/

theorem two_digits_lt (base a b c d : Nat) (hb : b < base) (hd : d < base) :
    a * base + b < c * base + d ↔ a < c ∨ (a = c ∧ b < d) := by
  constructor
  · intro h
    have hac : a ≤ c := first_digit_le base a b c d hb hd (Nat.le_of_lt h)
    by_cases e : a = c
    · rw [e] at h
      have h' : b < d := by
        first
          | exact Nat.lt_of_add_lt_add_left h
          | omega
      exact Or.inr ⟨e, h'⟩
    · exact Or.inl (Nat.lt_of_le_of_ne hac e)
  · intro h
    rcases h with h | h
    · by_cases l : a * base + b < c * base + d
      · exact l
      · have g : c * base + d ≤ a * base + b := Nat.not_lt.1 l
        have hca : c ≤ a := first_digit_le base c d a b hd hb g
        exact absurd h (Nat.not_lt.2 hca)
    · rw [h.1]
      exact Nat.add_lt_add_left h.2 (c * base)

/-- Two fields compared one after the other, and what follows them: the same as one number of two digits. -/
theorem two_digits_then (base a b c d : Nat) (hb : b < base) (hd : d < base) (rest : Prop) :
    (a < c ∨ (a = c ∧ (b < d ∨ (b = d ∧ rest)))) ↔
      (a * base + b < c * base + d ∨ (a * base + b = c * base + d ∧ rest)) := by
  constructor
  · intro h
    rcases h with h | h
    · exact Or.inl ((two_digits_lt base a b c d hb hd).2 (Or.inl h))
    · rcases h.2 with h' | h'
      · exact Or.inl ((two_digits_lt base a b c d hb hd).2 (Or.inr ⟨h.1, h'⟩))
      · exact Or.inr ⟨by rw [h.1, h'.1], h'.2⟩
  · intro h
    rcases h with h | h
    · rcases (two_digits_lt base a b c d hb hd).1 h with h | h
      · exact Or.inl h
      · exact Or.inr ⟨h.1, Or.inl h.2⟩
    · have e := digits_eq base a b c d hb hd h.1
      exact Or.inr ⟨e.1, Or.inr ⟨e.2, h.2⟩⟩

/-- Canonical order is by K, as one number; ties break by the full id, then by the event hash. -/
theorem canonical_order_is_K_then_id_then_hash (a b : Event) (ha : InRange a) (hb : InRange b) :
    Earlier a b ↔ K a < K b ∨ (K a = K b ∧ (a.id < b.id ∨ (a.id = b.id ∧ a.hash < b.hash))) := by
  have fields : Earlier a b ↔ a.lamport < b.lamport ∨ (a.lamport = b.lamport ∧
      (a.node < b.node ∨ (a.node = b.node ∧ lexLt [a.stream, a.id % idEnd, a.id, a.hash]
        [b.stream, b.id % idEnd, b.id, b.hash] = true))) :=
    Iff.trans (lexLt_cons a.lamport b.lamport [a.node, a.stream, a.id % idEnd, a.id, a.hash]
        [b.node, b.stream, b.id % idEnd, b.id, b.hash])
      (or_congr Iff.rfl (and_congr Iff.rfl (lexLt_cons a.node b.node [a.stream, a.id % idEnd, a.id, a.hash]
        [b.stream, b.id % idEnd, b.id, b.hash])))
  have one := Iff.trans fields (two_digits_then (2 ^ 32) a.lamport a.node b.lamport b.node ha.node hb.node _)
  have stream := lexLt_cons a.stream b.stream [a.id % idEnd, a.id, a.hash] [b.id % idEnd, b.id, b.hash]
  have low := lexLt_cons (a.id % idEnd) (b.id % idEnd) [a.id, a.hash] [b.id, b.hash]
  have two := two_digits_then (2 ^ 16) (a.lamport * 2 ^ 32 + a.node) a.stream (b.lamport * 2 ^ 32 + b.node) b.stream
    ha.stream hb.stream (lexLt [a.id % idEnd, a.id, a.hash] [b.id % idEnd, b.id, b.hash] = true)
  have three := two_digits_then idEnd ((a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream) (a.id % idEnd)
    ((b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream) (b.id % idEnd) (Nat.mod_lt a.id idEnd_pos)
    (Nat.mod_lt b.id idEnd_pos) (lexLt [a.id, a.hash] [b.id, b.hash] = true)
  have ids : lexLt [a.id, a.hash] [b.id, b.hash] = true ↔ a.id < b.id ∨ (a.id = b.id ∧ a.hash < b.hash) := by
    constructor
    · intro h
      rcases (lexLt_cons a.id b.id [a.hash] [b.hash]).1 h with h | h
      · exact Or.inl h
      · rcases (lexLt_cons a.hash b.hash [] []).1 h.2 with h' | h'
        · exact Or.inr ⟨h.1, h'⟩
        · exact off h'.2
    · intro h
      rcases h with h | h
      · exact (lexLt_cons a.id b.id [a.hash] [b.hash]).2 (Or.inl h)
      · exact (lexLt_cons a.id b.id [a.hash] [b.hash]).2
          (Or.inr ⟨h.1, (lexLt_cons a.hash b.hash [] []).2 (Or.inl h.2)⟩)
  have upto : Earlier a b ↔
      (((a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream) * idEnd + a.id % idEnd <
          ((b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream) * idEnd + b.id % idEnd ∨
        (((a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream) * idEnd + a.id % idEnd =
          ((b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream) * idEnd + b.id % idEnd ∧
          (a.id < b.id ∨ (a.id = b.id ∧ a.hash < b.hash)))) :=
    Iff.trans one (Iff.trans (or_congr Iff.rfl (and_congr Iff.rfl stream))
      (Iff.trans two (Iff.trans (or_congr Iff.rfl (and_congr Iff.rfl low))
        (Iff.trans three (or_congr Iff.rfl (and_congr Iff.rfl ids))))))
  exact upto

end Omega
