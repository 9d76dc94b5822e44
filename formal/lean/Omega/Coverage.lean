import Omega.Reconcile
import Omega.Rearrange
import Omega.Walks

/-!
Coverage: how many units of each predicate were judged, skipped, known and violated.
-/

namespace Omega

inductive Class where
  | judged
  | skipped
  | known

structure Coverage where
  judged : Nat
  skipped : Nat
  known : Nat
  violated : Nat

def isJudged : Class → Bool
  | Class.judged => true
  | Class.skipped => false
  | Class.known => false

def isSkipped : Class → Bool
  | Class.judged => false
  | Class.skipped => true
  | Class.known => false

def isOfKnown : Class → Bool
  | Class.judged => false
  | Class.skipped => false
  | Class.known => true

def cover {α : Type} (classify : α → Class) (units : List α) (violated : Nat) : Coverage :=
  { judged := count (fun u => isJudged (classify u)) units
    skipped := count (fun u => isSkipped (classify u)) units
    known := count (fun u => isOfKnown (classify u)) units
    violated := violated }

/-- Each event with those before it, the nearest first. -/
def places : List Event → List Event → List (List Event × Event)
  | [], _ => []
  | e :: rest, before => (before, e) :: places rest (e :: before)

def breaking (s : State) (b : Batch) (es : List Event) (p : Predicate) : Nat :=
  count (fun (place : List Event × Event) => breaks s b es place.1 place.2 p) (places es [])

/-! ### What a unit counts as, where it is not violated -/

def unlessKnown (s : State) (c : Class) (e : Event) : Class := if isKnown s e = true then Class.known else c

def class1001 (s : State) (e : Event) : Class :=
  unlessKnown s (if causalOnly e = true then Class.skipped else Class.judged) e

def class1004 (s : State) (es : List Event) (e : Event) : Class :=
  unlessKnown s (if (causalOnly e || (!aboveFrontier s e || (isLinked e && severalVersions s es e.prev))) = true
    then Class.skipped else Class.judged) e

def class2001 (o : Occurrence) : Class := if optb (fun _ => true) o.found = true then Class.judged else Class.skipped

def idsOf : List Event → List Nat
  | [] => []
  | e :: l => e.id :: idsOf l

def occurrenceIds : List Occurrence → List Nat
  | [] => []
  | o :: l => o.event.id :: occurrenceIds l

/-- The last of each number. -/
def distinctNumbers : List Nat → List Nat
  | [] => []
  | n :: rest =>
    if anyb (fun (m : Nat) => decide (n = m)) rest = true then distinctNumbers rest else n :: distinctNumbers rest

/-- Two logs have it, or the state. -/
def class3001 (s : State) (b : Batch) (i : Nat) : Class :=
  if (idInState s i || decide (2 ≤ count (fun (l : List Occurrence) =>
    anyb (fun (o : Occurrence) => decide (o.event.id = i)) l) b)) = true then Class.judged else Class.skipped

/-- Another event that claims something about the same past. -/
def comparable (s : State) (e f : Event) : Bool :=
  !decide (f.hash = e.hash) && (optb (fun _ => true) f.claim &&
    ((within (past f) (past e) && within (past e) (past f)) && !(isKnown s f && isKnown s e)))

def class3002 (s : State) (es : List Event) (e : Event) : Class :=
  if (optb (fun _ => true) e.claim && (anyb (fun _ => true) (past e) && anyb (comparable s e) es)) = true
  then Class.judged else unlessKnown s Class.skipped e

/-! ### All nine -/

/-- How many occurrences of a log are not the only ones of their ids: all but one of each. -/
def twiceIn (l : List Occurrence) : Nat := len (occurrenceIds l) - len (distinctNumbers (occurrenceIds l))

def twiceInAny : List (List Occurrence) → Nat
  | [] => 0
  | l :: b => twiceIn l + twiceInAny b

def misfits (o : Occurrence) : Bool := optb (fun (h : Nat) => !decide (h = o.event.stated)) o.found

def covered (s : State) (b : Batch) (es : List Event) (p : Predicate) : Coverage :=
  match p with
  | Predicate.p1001 => cover (class1001 s) es (breaking s b es Predicate.p1001)
  | Predicate.p1002 => cover (fun _ => Class.judged) (occurrences b) (twiceInAny b)
  | Predicate.p1003 =>
    cover (fun _ => Class.judged) (occurrences b) (count (fun (o : Occurrence) => breaks1003 o.event) (occurrences b))
  | Predicate.p1004 => cover (class1004 s es) es (breaking s b es Predicate.p1004)
  | Predicate.p2001 => cover class2001 (occurrences b) (count misfits (occurrences b))
  | Predicate.p2002 => cover (unlessKnown s Class.judged) es (breaking s b es Predicate.p2002)
  | Predicate.p2003 => cover (unlessKnown s Class.judged) es (breaking s b es Predicate.p2003)
  | Predicate.p3001 => cover (class3001 s b) (distinctNumbers (idsOf es)) (breaking s b es Predicate.p3001)
  | Predicate.p3002 => cover (class3002 s es) es (breaking s b es Predicate.p3002)

def units (b : Batch) (es : List Event) (p : Predicate) : Nat :=
  match p with
  | Predicate.p1001 => len es
  | Predicate.p1002 => len (occurrences b)
  | Predicate.p1003 => len (occurrences b)
  | Predicate.p1004 => len es
  | Predicate.p2001 => len (occurrences b)
  | Predicate.p2002 => len es
  | Predicate.p2003 => len es
  | Predicate.p3001 => len (distinctNumbers (idsOf es))
  | Predicate.p3002 => len es

def addsUp (c : Coverage) : Nat := c.judged + c.skipped + c.known

/-- A class is one of three. -/
theorem one_class (c : Class) :
    (isJudged c = true ∧ ¬ isSkipped c = true ∧ ¬ isOfKnown c = true) ∨
      (¬ isJudged c = true ∧ isSkipped c = true ∧ ¬ isOfKnown c = true) ∨
      (¬ isJudged c = true ∧ ¬ isSkipped c = true ∧ isOfKnown c = true) := by
  cases c with
  | judged => exact Or.inl ⟨rfl, fun h => off h, fun h => off h⟩
  | skipped => exact Or.inr (Or.inl ⟨fun h => off h, rfl, fun h => off h⟩)
  | known => exact Or.inr (Or.inr ⟨fun h => off h, fun h => off h, rfl⟩)

theorem cover_adds_up {α : Type} (classify : α → Class) (violated : Nat) : ∀ l : List α,
    addsUp (cover classify l violated) = len l := by
  intro l
  induction l with
  | nil => rfl
  | cons u l ih =>
    have ih' : count (fun u => isJudged (classify u)) l + count (fun u => isSkipped (classify u)) l +
      count (fun u => isOfKnown (classify u)) l = len l := ih
    show count (fun u => isJudged (classify u)) (u :: l) + count (fun u => isSkipped (classify u)) (u :: l) +
      count (fun u => isOfKnown (classify u)) (u :: l) = len l + 1
    rcases one_class (classify u) with c | c | c
    · rw [count_yes (fun u => isJudged (classify u)) u l c.1, count_no (fun u => isSkipped (classify u)) u l c.2.1,
        count_no (fun u => isOfKnown (classify u)) u l c.2.2]
      omega
    · rw [count_no (fun u => isJudged (classify u)) u l c.1, count_yes (fun u => isSkipped (classify u)) u l c.2.1,
        count_no (fun u => isOfKnown (classify u)) u l c.2.2]
      omega
    · rw [count_no (fun u => isJudged (classify u)) u l c.1, count_no (fun u => isSkipped (classify u)) u l c.2.1,
        count_yes (fun u => isOfKnown (classify u)) u l c.2.2]
      omega

/-- Each unit is counted once. -/
theorem coverage_adds_up (s : State) (b : Batch) (es : List Event) (p : Predicate) :
    addsUp (covered s b es p) = units b es p := by
  cases p with
  | p1001 => exact cover_adds_up (class1001 s) (breaking s b es Predicate.p1001) es
  | p1002 => exact cover_adds_up (fun _ => Class.judged) (twiceInAny b) (occurrences b)
  | p1003 =>
    exact cover_adds_up (fun _ => Class.judged) (count (fun (o : Occurrence) => breaks1003 o.event) (occurrences b))
      (occurrences b)
  | p1004 => exact cover_adds_up (class1004 s es) (breaking s b es Predicate.p1004) es
  | p2001 => exact cover_adds_up class2001 (count misfits (occurrences b)) (occurrences b)
  | p2002 => exact cover_adds_up (unlessKnown s Class.judged) (breaking s b es Predicate.p2002) es
  | p2003 => exact cover_adds_up (unlessKnown s Class.judged) (breaking s b es Predicate.p2003) es
  | p3001 =>
    exact cover_adds_up (class3001 s b) (breaking s b es Predicate.p3001) (distinctNumbers (idsOf es))
  | p3002 => exact cover_adds_up (class3002 s es) (breaking s b es Predicate.p3002) es

end Omega
