import Omega.Model

/-!
The checker: sorts the batch, walks it once in canonical order with what came before at hand, and stops at the first
event that breaks a predicate. On a merge it gives the next state.
-/

namespace Omega

/-! ### The next state -/

def isKnown (s : State) (e : Event) : Bool :=
  optb (fun (v : Nat × Nat) => decide (v.2 = e.hash)) (accepted s e.id)

def isLinked (e : Event) : Bool := !decide (e.prev = 0)

/-- The greater, by (lamport, id), of what a frontier was and the event; linked where either is. -/
def advance : Option Frontier → Event → Frontier
  | none, e => { lamport := e.lamport, id := e.id, hash := e.hash, linked := isLinked e }
  | some f, e =>
    if lexLt [f.lamport, f.id] [e.lamport, e.id] = true then
      { lamport := e.lamport, id := e.id, hash := e.hash, linked := f.linked || isLinked e }
    else { lamport := f.lamport, id := f.id, hash := f.hash, linked := f.linked || isLinked e }

def acceptEvent (s : State) (e : Event) : State :=
  { ids := update e.id (e.lamport, e.hash) s.ids
    frontiers := update (e.node, e.stream) (advance (frontierOf s e) e) s.frontiers }

def acceptAll : List Event → State → State
  | [], s => s
  | e :: l, s => acceptAll l (acceptEvent s e)

def notKnown (s : State) (es : List Event) : List Event := keep (fun (e : Event) => !isKnown s e) es

/-! ### The distinct events, ascending -/

def insertOnce (a : Event) : List Event → List Event
  | [] => [a]
  | b :: l =>
    if lexLt (key a) (key b) = true then a :: b :: l
    else if lexLt (key b) (key a) = true then b :: insertOnce a l
    else b :: l

def ascendingOf : List Event → List Event
  | [] => []
  | a :: l => insertOnce a (ascendingOf l)

def distinct (b : Batch) : List Event := ascendingOf (events b)

/-! ### The tests; `es` are the batch's distinct events, `before` those before `e`, the nearest first -/

def sameStream (e f : Event) : Bool := decide (e.node = f.node) && decide (e.stream = f.stream)

def causalOnly (e : Event) : Bool := decide (firstCausalOnly ≤ e.stream)

def aboveFrontier (s : State) (e : Event) : Bool :=
  !optb (fun (f : Frontier) => !decide (f.lamport < e.lamport)) (frontierOf s e)

def idInBatch (es : List Event) (i : Nat) : Bool := anyb (fun (e : Event) => decide (e.id = i)) es

def idInState (s : State) (i : Nat) : Bool := optb (fun _ => true) (accepted s i)

def severalVersions (s : State) (es : List Event) (i : Nat) : Bool :=
  anyb (fun (e : Event) => decide (e.id = i) &&
    (anyb (fun (f : Event) => decide (f.id = i) && !decide (f.hash = e.hash)) es ||
      optb (fun (v : Nat × Nat) => !decide (v.2 = e.hash)) (accepted s i))) es

/-- Of the events before, those of the stream that are not known. -/
def streamBefore (s : State) (before : List Event) (e : Event) : List Event :=
  keep (fun (f : Event) => sameStream f e && !isKnown s f) before

def lineBefore (s : State) (before : List Event) (e : Event) : List Event :=
  keep (aboveFrontier s) (streamBefore s before e)

/-- What comes before on the line: the nearest there, else the frontier. -/
def nearest : List Event → Option Frontier → Option Nat
  | f :: _, _ => some f.id
  | [], some f => some f.id
  | [], none => none

def breaks1001 (s : State) (before : List Event) (e : Event) : Bool :=
  !isKnown s e && (!causalOnly e &&
    (!aboveFrontier s e || anyb (fun (f : Event) => decide (f.lamport = e.lamport)) (streamBefore s before e)))

def breaks1002 (b : Batch) (e : Event) : Bool :=
  anyb (fun (l : List Occurrence) => decide (heldEarlier e l < 2) && decide (2 ≤ heldEarlier e l + held e l)) b

def inDomain (i : Nat) : Bool := decide (0 < i) && decide (i < idEnd)

def breaks1003 (e : Event) : Bool :=
  !(inDomain e.id && (allb inDomain e.deps && decide (e.prev < idEnd)))

def unlinked (s : State) (before : List Event) (e : Event) : Bool :=
  optb (fun (f : Frontier) => f.linked) (frontierOf s e) || anyb isLinked (lineBefore s before e)

def misnamed (s : State) (es before : List Event) (e : Event) : Bool :=
  !severalVersions s es e.prev &&
    ((!idInBatch es e.prev && !idInState s e.prev) ||
      !optb (fun (i : Nat) => decide (i = e.prev)) (nearest (lineBefore s before e) (frontierOf s e)))

def breaks1004 (s : State) (es before : List Event) (e : Event) : Bool :=
  !isKnown s e && (!causalOnly e && (aboveFrontier s e &&
    ((decide (e.prev = 0) && unlinked s before e) || (!decide (e.prev = 0) && misnamed s es before e))))

def breaks2001 (b : Batch) (e : Event) : Bool :=
  anyb (fun (o : Occurrence) => decide (o.event.hash = e.hash) &&
    optb (fun (h : Nat) => !decide (h = e.stated)) o.found) (occurrences b)

def breaks2002 (s : State) (es : List Event) (e : Event) : Bool :=
  !isKnown s e && anyb (fun (d : Nat) => !idInBatch es d && !idInState s d) e.deps

def breaks2003 (s : State) (es : List Event) (e : Event) : Bool :=
  !isKnown s e && anyb (fun (d : Nat) =>
    anyb (fun (f : Event) => decide (f.id = d) && decide (e.lamport ≤ f.lamport)) es ||
      optb (fun (v : Nat × Nat) => decide (e.lamport ≤ v.1)) (accepted s d)) e.deps

def holds (l : List Occurrence) (e : Event) : Bool :=
  anyb (fun (o : Occurrence) => decide (o.event.hash = e.hash)) l

/-- Two different logs hold the one and the other. -/
def inTwo (b : Batch) (e f : Event) : Bool :=
  anyb (fun (x : Nat × List Occurrence) => holds x.2 e &&
    anyb (fun (y : Nat × List Occurrence) => !decide (x.1 = y.1) && holds y.2 f) (number 0 b)) (number 0 b)

def disagrees (s : State) (b : Batch) (before : List Event) (e : Event) : Bool :=
  optb (fun (v : Nat × Nat) => !decide (v.2 = e.hash)) (accepted s e.id) ||
    anyb (fun (f : Event) => decide (f.id = e.id) && inTwo b e f) before

/-- No event before has the id and disagrees. -/
def noneBefore (s : State) (b : Batch) (i : Nat) : List Event → Bool
  | [] => true
  | f :: rest => !(decide (f.id = i) && disagrees s b rest f) && noneBefore s b i rest

def breaks3001 (s : State) (b : Batch) (before : List Event) (e : Event) : Bool :=
  disagrees s b before e && noneBefore s b e.id before

def past (e : Event) : List Nat := if e.prev = 0 then e.deps else e.prev :: e.deps

def within (p q : List Nat) : Bool := allb (fun (i : Nat) => anyb (fun (j : Nat) => decide (i = j)) q) p

def breaks3002 (s : State) (before : List Event) (e : Event) : Bool :=
  optb (fun (c : Nat) => anyb (fun _ => true) (past e) && anyb (fun (f : Event) =>
    optb (fun (d : Nat) => !decide (d = c) && ((within (past f) (past e) && within (past e) (past f)) &&
      !(isKnown s f && isKnown s e))) f.claim) before) e.claim

def breaks (s : State) (b : Batch) (es before : List Event) (e : Event) (p : Predicate) : Bool :=
  match p with
  | Predicate.p1002 => breaks1002 b e
  | Predicate.p3001 => breaks3001 s b before e
  | Predicate.p1001 => breaks1001 s before e
  | Predicate.p1003 => breaks1003 e
  | Predicate.p1004 => breaks1004 s es before e
  | Predicate.p2001 => breaks2001 b e
  | Predicate.p2002 => breaks2002 s es e
  | Predicate.p2003 => breaks2003 s es e
  | Predicate.p3002 => breaks3002 s before e

/-! ### The walk -/

/-- What is found at an event, or else what comes of the rest. -/
def named (e : Event) : Option Predicate → Option (Predicate × Event) → Option (Predicate × Event)
  | some p, _ => some (p, e)
  | none, rest => rest

def walk (s : State) (b : Batch) (es : List Event) : List Event → List Event → Option (Predicate × Event)
  | [], _ => none
  | e :: rest, before => named e (firstOf (breaks s b es before e) catalog) (walk s b es rest (e :: before))

inductive Verdict where
  | merge (next : State)
  | obstruction (p : Predicate) (anchor : Event)

def verdict (s : State) (es : List Event) : Option (Predicate × Event) → Verdict
  | some (p, e) => Verdict.obstruction p e
  | none => Verdict.merge (acceptAll (notKnown s es) s)

def reconcile (s : State) (b : Batch) : Verdict :=
  verdict s (distinct b) (walk s b (distinct b) (distinct b) [])

def genesis : State := { ids := [], frontiers := [] }

end Omega
