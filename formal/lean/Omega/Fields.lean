import Omega.Canonical
import Omega.Distinct

/-!
Comparing K is comparing its four fields, and in canonical order lamport never falls.
-/

namespace Omega

def fieldsOfK (e : Event) : List Nat := [e.lamport, e.node, e.stream, e.id % idEnd]

theorem K_lt_field_by_field (a b : Event) (ha : InRange a) (hb : InRange b) :
    K a < K b ↔ lexLt (fieldsOfK a) (fieldsOfK b) = true := by
  have fields : lexLt (fieldsOfK a) (fieldsOfK b) = true ↔ a.lamport < b.lamport ∨ (a.lamport = b.lamport ∧
      (a.node < b.node ∨ (a.node = b.node ∧ lexLt [a.stream, a.id % idEnd] [b.stream, b.id % idEnd] = true))) :=
    Iff.trans (lexLt_cons a.lamport b.lamport [a.node, a.stream, a.id % idEnd] [b.node, b.stream, b.id % idEnd])
      (or_congr Iff.rfl (and_congr Iff.rfl
        (lexLt_cons a.node b.node [a.stream, a.id % idEnd] [b.stream, b.id % idEnd])))
  have one := Iff.trans fields (two_digits_then (2 ^ 32) a.lamport a.node b.lamport b.node ha.node hb.node _)
  have stream := lexLt_cons a.stream b.stream [a.id % idEnd] [b.id % idEnd]
  have two := two_digits_then (2 ^ 16) (a.lamport * 2 ^ 32 + a.node) a.stream (b.lamport * 2 ^ 32 + b.node) b.stream
    ha.stream hb.stream (lexLt [a.id % idEnd] [b.id % idEnd] = true)
  have low := lexLt_cons (a.id % idEnd) (b.id % idEnd) [] []
  have three := two_digits_then idEnd ((a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream) (a.id % idEnd)
    ((b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream) (b.id % idEnd) (Nat.mod_lt a.id idEnd_pos)
    (Nat.mod_lt b.id idEnd_pos) (lexLt [] [] = true)
  have upto : lexLt (fieldsOfK a) (fieldsOfK b) = true ↔ K a < K b ∨ (K a = K b ∧ lexLt [] [] = true) :=
    Iff.trans one (Iff.trans (or_congr Iff.rfl (and_congr Iff.rfl stream))
      (Iff.trans two (Iff.trans (or_congr Iff.rfl (and_congr Iff.rfl low)) three)))
  constructor
  · intro h
    exact upto.2 (Or.inl h)
  · intro h
    rcases upto.1 h with q | q
    · exact q
    · exact off q.2

/-- As long as node and stream are 32 and 16 bits wide, comparing K is comparing field by field. -/
theorem K_compares_field_by_field (a b : Event) (ha : InRange a) (hb : InRange b) :
    (K a < K b ↔ lexLt (fieldsOfK a) (fieldsOfK b) = true) ∧ (K a = K b ↔ fieldsOfK a = fieldsOfK b) := by
  have less := K_lt_field_by_field a b ha hb
  have more := K_lt_field_by_field b a hb ha
  refine ⟨less, ?_⟩
  constructor
  · intro same
    rcases lexLt_total (fieldsOfK a) (fieldsOfK b) with q | q | q
    · have lt : K a < K b := less.2 q
      rw [same] at lt
      exact absurd lt (Nat.lt_irrefl (K b))
    · exact q
    · have lt : K b < K a := more.2 q
      rw [same] at lt
      exact absurd lt (Nat.lt_irrefl (K b))
  · intro same
    have notLess : ¬ K a < K b := by
      intro lt
      have l := less.1 lt
      rw [same] at l
      exact lexLt_irreflexive (fieldsOfK b) l
    have notMore : ¬ K b < K a := by
      intro lt
      have l := more.1 lt
      rw [same] at l
      exact lexLt_irreflexive (fieldsOfK b) l
    exact Nat.le_antisymm (Nat.not_lt.1 notMore) (Nat.not_lt.1 notLess)

/-- What stands later in an ascending list is later. -/
theorem rising_get : ∀ (l : List Event), Rising l → ∀ (before middle behind : List Event) (a b : Event),
    l = before ++ a :: (middle ++ b :: behind) → Earlier a b := by
  intro l
  induction l with
  | nil =>
    intro _ before middle behind a b e
    cases before with
    | nil =>
      have e' : [] = a :: (middle ++ b :: behind) := e
      cases e'
    | cons c before =>
      have e' : [] = c :: (before ++ a :: (middle ++ b :: behind)) := e
      cases e'
  | cons x l ih =>
    intro h before middle behind a b e
    have h' : (∀ c, c ∈ l → Earlier x c) ∧ Rising l := h
    cases before with
    | nil =>
      have e' : x :: l = a :: (middle ++ b :: behind) := e
      injection e' with e1 e2
      have hb : b ∈ l := by
        rw [e2]
        exact List.mem_append.2 (Or.inr (mem_head b behind))
      rw [← e1]
      exact h'.1 b hb
    | cons c before =>
      have e' : x :: l = c :: (before ++ a :: (middle ++ b :: behind)) := e
      injection e' with _ e2
      exact ih h'.2 before middle behind a b e2

/-- In canonical order, what stands later has no smaller lamport time. -/
theorem canonical_implies_lamport_monotonic (b : Batch) (before middle behind : List Event) (e f : Event)
    (stands : distinct b = before ++ e :: (middle ++ f :: behind)) : e.lamport ≤ f.lamport := by
  have early : Earlier e f :=
    rising_get (distinct b) (ascendingOf_rising (events b)) before middle behind e f stands
  rcases (lexLt_cons e.lamport f.lamport [e.node, e.stream, e.id % idEnd, e.id, e.hash]
    [f.node, f.stream, f.id % idEnd, f.id, f.hash]).1 early with c | c
  · exact Nat.le_of_lt c
  · exact Nat.le_of_eq c.1

end Omega
