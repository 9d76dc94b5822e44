import Omega.Canonical
import Omega.Lists

/-!
What is judged, and when each predicate is violated: `schemas/predicates.md`, said with sets and quantifiers and without
any algorithm. A hash is a number that stands for what it hashes.
-/

namespace Omega

/-! ### Events, logs, states -/

/-- An event as it stands in a log; `found` is what the payload at hand hashes to, or what it was seen to hash to before
it was erased. None: erased, and nothing is known of it. -/
structure Occurrence where
  event : Event
  found : Option Nat

abbrev Log := List Occurrence

abbrev Batch := List (List Occurrence)

/-- All that stands in the logs. -/
def occurrences : List (List Occurrence) → List Occurrence
  | [] => []
  | l :: b => l ++ occurrences b

def eventsOf : List Occurrence → List Event
  | [] => []
  | o :: l => o.event :: eventsOf l

def events (b : Batch) : List Event := eventsOf (occurrences b)

/-- The greatest accepted event of a stream. -/
structure Frontier where
  lamport : Nat
  id : Nat
  hash : Nat
  linked : Bool

/-- Accepted ids with lamport and hash; frontiers by (node, stream). -/
structure State where
  ids : List (Nat × (Nat × Nat))
  frontiers : List ((Nat × Nat) × Frontier)

def lookup {Key Value : Type} [DecidableEq Key] (k : Key) : List (Key × Value) → Option Value
  | [] => none
  | (k', v) :: rest => if k = k' then some v else lookup k rest

/-- Inserts, or replaces by key. -/
def update {Key Value : Type} [DecidableEq Key] (k : Key) (v : Value) : List (Key × Value) → List (Key × Value)
  | [] => [(k, v)]
  | (k', v') :: rest => if k = k' then (k, v) :: rest else (k', v') :: update k v rest

def accepted (s : State) (i : Nat) : Option (Nat × Nat) := lookup i s.ids

def frontierOf (s : State) (e : Event) : Option Frontier := lookup (e.node, e.stream) s.frontiers

/-! ### Words of the predicates -/

def InBatch (b : Batch) (e : Event) : Prop := e ∈ events b

/-- The hash tells events apart. -/
def HashFits (b : Batch) : Prop :=
  ∀ e f, InBatch b e → InBatch b f → e.hash = f.hash → e = f

/-- Streams from here on are causal-only. -/
def firstCausalOnly : Nat := 2 ^ 15

def Known (s : State) (e : Event) : Prop := ∃ l, accepted s e.id = some (l, e.hash)

def SameStream (e f : Event) : Prop := e.node = f.node ∧ e.stream = f.stream

def CausalOnly (e : Event) : Prop := firstCausalOnly ≤ e.stream

/-- Its past: what it depends on and follows. -/
def Past (e : Event) (i : Nat) : Prop := i ∈ e.deps ∨ (e.prev ≠ 0 ∧ i = e.prev)

def AboveFrontier (s : State) (e : Event) : Prop :=
  ∀ f, frontierOf s e = some f → f.lamport < e.lamport

/-- On the line of its stream, apart from the frontier itself. -/
def OnLine (s : State) (b : Batch) (e : Event) : Prop := InBatch b e ∧ ¬ Known s e ∧ AboveFrontier s e

def IdInBatch (b : Batch) (i : Nat) : Prop := ∃ e, InBatch b e ∧ e.id = i

def IdInState (s : State) (i : Nat) : Prop := ∃ l h, accepted s i = some (l, h)

/-- More than one event has this id, and one of them is in the batch. -/
def SeveralVersions (s : State) (b : Batch) (i : Nat) : Prop :=
  ∃ e, InBatch b e ∧ e.id = i ∧
    ((∃ f, InBatch b f ∧ f.id = i ∧ f ≠ e) ∨ ∃ l h, accepted s i = some (l, h) ∧ h ≠ e.hash)

/-- Names the event before `e` on the line, or the frontier where there is none. -/
def NextSmaller (s : State) (b : Batch) (e : Event) (i : Nat) : Prop :=
  (∃ f, OnLine s b f ∧ SameStream f e ∧ Earlier f e ∧ f.id = i ∧
    ∀ g, OnLine s b g → SameStream g e → Earlier g e → ¬ Earlier f g) ∨
  ((∀ g, OnLine s b g → SameStream g e → ¬ Earlier g e) ∧ ∃ f, frontierOf s e = some f ∧ f.id = i)

/-! ### The predicates: `e` is the anchor of a violation -/

def Violates1001 (s : State) (b : Batch) (e : Event) : Prop :=
  InBatch b e ∧ ¬ Known s e ∧ ¬ CausalOnly e ∧
    (¬ AboveFrontier s e ∨
      ∃ f, InBatch b f ∧ ¬ Known s f ∧ SameStream f e ∧ Earlier f e ∧ f.lamport = e.lamport)

/-- How often a log holds the event. -/
def held (e : Event) (l : List Occurrence) : Nat :=
  count (fun (o : Occurrence) => decide (o.event.hash = e.hash)) l

/-- How often a log holds an earlier version of its id. -/
def heldEarlier (e : Event) (l : List Occurrence) : Nat :=
  count (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) l

/-- The second occurrence of its id in some log is an occurrence of `e`. -/
def Violates1002 (b : Batch) (e : Event) : Prop :=
  InBatch b e ∧ ∃ l, l ∈ b ∧ heldEarlier e l < 2 ∧ 2 ≤ heldEarlier e l + held e l

def InDomain (i : Nat) : Prop := 0 < i ∧ i < idEnd

def Violates1003 (b : Batch) (e : Event) : Prop :=
  InBatch b e ∧ ¬ (InDomain e.id ∧ (∀ d, d ∈ e.deps → InDomain d) ∧ e.prev < idEnd)

def LinkedBelow (s : State) (b : Batch) (e : Event) : Prop :=
  (∃ f, frontierOf s e = some f ∧ f.linked = true) ∨
  ∃ f, OnLine s b f ∧ SameStream f e ∧ Earlier f e ∧ f.prev ≠ 0

def Gap (s : State) (b : Batch) (e : Event) : Prop := ¬ IdInBatch b e.prev ∧ ¬ IdInState s e.prev

def Violates1004 (s : State) (b : Batch) (e : Event) : Prop :=
  OnLine s b e ∧ ¬ CausalOnly e ∧
    ((e.prev = 0 ∧ LinkedBelow s b e) ∨
      (e.prev ≠ 0 ∧ ¬ SeveralVersions s b e.prev ∧ (Gap s b e ∨ ¬ NextSmaller s b e e.prev)))

def Violates2001 (b : Batch) (e : Event) : Prop :=
  ∃ o h, o ∈ occurrences b ∧ o.event = e ∧ o.found = some h ∧ h ≠ e.stated

def Violates2002 (s : State) (b : Batch) (e : Event) : Prop :=
  InBatch b e ∧ ¬ Known s e ∧ ∃ d, d ∈ e.deps ∧ ¬ IdInBatch b d ∧ ¬ IdInState s d

def Violates2003 (s : State) (b : Batch) (e : Event) : Prop :=
  InBatch b e ∧ ¬ Known s e ∧ ∃ d, d ∈ e.deps ∧
    ((∃ f, InBatch b f ∧ f.id = d ∧ e.lamport ≤ f.lamport) ∨
      ∃ l h, accepted s d = some (l, h) ∧ e.lamport ≤ l)

def Holds (l : List Occurrence) (e : Event) : Prop := ∃ o, o ∈ l ∧ o.event = e

/-- Two different logs hold the one and the other. -/
def InTwo (b : Batch) (e f : Event) : Prop :=
  ∃ i j l m, nth b i = some l ∧ nth b j = some m ∧ i ≠ j ∧ Holds l e ∧ Holds m f

/-- A version that cannot live together with the prior state, or with a smaller one in another log. -/
def Disagrees (s : State) (b : Batch) (e : Event) : Prop :=
  InBatch b e ∧
    ((∃ l h, accepted s e.id = some (l, h) ∧ h ≠ e.hash) ∨ ∃ f : Event, f.id = e.id ∧ Earlier f e ∧ InTwo b e f)

/-- The smallest such version of its id. -/
def Violates3001 (s : State) (b : Batch) (e : Event) : Prop :=
  Disagrees s b e ∧ ∀ f, Disagrees s b f → f.id = e.id → ¬ Earlier f e

def Violates3002 (s : State) (b : Batch) (e : Event) : Prop :=
  InBatch b e ∧ e.claim ≠ none ∧ (∃ i, Past e i) ∧
    ∃ f, InBatch b f ∧ Earlier f e ∧ f.claim ≠ none ∧ f.claim ≠ e.claim ∧
      (∀ i, Past f i ↔ Past e i) ∧ ¬ (Known s f ∧ Known s e)

/-- The catalog, in the order in which violations at one anchor are named. -/
inductive Predicate where
  | p1002
  | p3001
  | p1001
  | p1003
  | p1004
  | p2001
  | p2002
  | p2003
  | p3002

def catalog : List Predicate :=
  [Predicate.p1002, Predicate.p3001, Predicate.p1001, Predicate.p1003, Predicate.p1004, Predicate.p2001,
    Predicate.p2002, Predicate.p2003, Predicate.p3002]

def rank : Predicate → Nat
  | Predicate.p1002 => 0
  | Predicate.p3001 => 1
  | Predicate.p1001 => 2
  | Predicate.p1003 => 3
  | Predicate.p1004 => 4
  | Predicate.p2001 => 5
  | Predicate.p2002 => 6
  | Predicate.p2003 => 7
  | Predicate.p3002 => 8

def Violates (s : State) (b : Batch) (p : Predicate) (e : Event) : Prop :=
  match p with
  | Predicate.p1002 => Violates1002 b e
  | Predicate.p3001 => Violates3001 s b e
  | Predicate.p1001 => Violates1001 s b e
  | Predicate.p1003 => Violates1003 b e
  | Predicate.p1004 => Violates1004 s b e
  | Predicate.p2001 => Violates2001 b e
  | Predicate.p2002 => Violates2002 s b e
  | Predicate.p2003 => Violates2003 s b e
  | Predicate.p3002 => Violates3002 s b e

/-- Nothing is violated. -/
def Agrees (s : State) (b : Batch) : Prop := ∀ p e, ¬ Violates s b p e

/-- The violation that an obstruction is about. -/
def First (s : State) (b : Batch) (p : Predicate) (e : Event) : Prop :=
  Violates s b p e ∧ ∀ q f, Violates s b q f → Earlier e f ∨ (e = f ∧ rank p ≤ rank q)

end Omega
