import Omega.Accepts

/-!
Parts of a batch, judged one after the other: what that means, and what does not hold of it.
-/

namespace Omega

/-! ### Parts put together again: log by log -/

def zipLogs : List (List Occurrence) → List (List Occurrence) → List (List Occurrence)
  | [], c => c
  | l :: a, [] => l :: a
  | l :: a, m :: c => (l ++ m) :: zipLogs a c

def join : List (List (List Occurrence)) → List (List Occurrence)
  | [] => []
  | p :: parts => zipLogs p (join parts)

/-- Nothing that an event needs comes only in a later part; `before` are the parts before these. -/
def InOrder : List (List (List Occurrence)) → List (List (List Occurrence)) → Prop
  | _, [] => True
  | before, p :: after =>
    (∀ e, InBatch p e →
      (∀ d, d ∈ e.deps → IdInBatch (join after) d → IdInBatch p d ∨ IdInBatch (join before) d) ∧
      (∀ f, InBatch (join after) f → SameStream f e → ¬ CausalOnly e → Earlier f e →
        InBatch p f ∨ InBatch (join before) f)) ∧
    InOrder (before ++ [p]) after

def follow : Verdict → (State → Option State) → Option State
  | Verdict.merge t, f => f t
  | Verdict.obstruction _ _, _ => none

/-- Judges the parts one after the other. -/
def reconcileAll : List (List (List Occurrence)) → State → Option State
  | [], s => some s
  | p :: rest, s => follow (reconcile s p) (reconcileAll rest)

theorem follow_merge (t : State) (f : State → Option State) : follow (Verdict.merge t) f = f t :=
  rfl

theorem reconcileAll_nil (s : State) : reconcileAll [] s = some s :=
  rfl

theorem reconcileAll_merge (s t : State) (p : List (List Occurrence)) (rest : List (List (List Occurrence)))
    (h : reconcile s p = Verdict.merge t) : reconcileAll (p :: rest) s = reconcileAll rest t := by
  show follow (reconcile s p) (reconcileAll rest) = reconcileAll rest t
  rw [h, follow_merge]

/-- A merge, where the distinct events and the walk's result are at hand. -/
theorem merges_with (s t : State) (b : List (List Occurrence)) (es : List Event) (h : distinct b = es)
    (w : walk s b es es [] = none) (n : acceptAll (notKnown s es) s = t) : reconcile s b = Verdict.merge t := by
  have w' : walk s b (distinct b) (distinct b) [] = none := by
    rw [h]
    exact w
  have r := reconcile_none s b w'
  rw [h, n] at r
  exact r

theorem obstructs_with (s : State) (b : List (List Occurrence)) (es : List Event) (p : Predicate) (e : Event)
    (h : distinct b = es) (w : walk s b es es [] = some (p, e)) : reconcile s b = Verdict.obstruction p e := by
  have w' : walk s b (distinct b) (distinct b) [] = some (p, e) := by
    rw [h]
    exact w
  exact reconcile_some s b p e w'

def alone (e : Event) : List (List Occurrence) := [[{ event := e, found := none }]]

theorem in_alone (e f : Event) (h : InBatch (alone e) f) : f = e := by
  have h' : f ∈ [e] := h
  rcases List.mem_cons.1 h' with h' | h'
  · exact h'
  · exact nowhere h'

/-! ### Predecessors in a stream are told by order, not by prev -/

/-- Two events of one stream, neither linked: closed under deps and prev in any order, but only one order merges. -/
def unlinkedEvent (n : Nat) : Event :=
  { lamport := n, node := 1, stream := 0, id := n, prev := 0, claim := none, stated := 0, deps := [], hash := n }

def unlinkedPair : List (List Occurrence) :=
  [[{ event := unlinkedEvent 1, found := none }, { event := unlinkedEvent 2, found := none }]]

def afterSecond : State :=
  { ids := [(2, (2, 2))]
    frontiers := [((1, 0), { lamport := 2, id := 2, hash := 2, linked := false })] }

set_option maxRecDepth 10000 in
theorem pair_merges : reconcile genesis unlinkedPair =
    Verdict.merge (acceptAll (notKnown genesis [unlinkedEvent 1, unlinkedEvent 2]) genesis) :=
  merges_with genesis (acceptAll (notKnown genesis [unlinkedEvent 1, unlinkedEvent 2]) genesis) unlinkedPair
    [unlinkedEvent 1, unlinkedEvent 2] rfl rfl rfl

set_option maxRecDepth 10000 in
theorem second_merges : reconcile genesis (alone (unlinkedEvent 2)) = Verdict.merge afterSecond :=
  merges_with genesis afterSecond (alone (unlinkedEvent 2)) [unlinkedEvent 2] rfl rfl rfl

set_option maxRecDepth 10000 in
theorem first_then_obstructs : reconcile afterSecond (alone (unlinkedEvent 1)) =
    Verdict.obstruction Predicate.p1001 (unlinkedEvent 1) :=
  obstructs_with afterSecond (alone (unlinkedEvent 1)) [unlinkedEvent 1] Predicate.p1001 (unlinkedEvent 1) rfl rfl

theorem closed_under_prev_is_not_enough :
    (∃ t, reconcile genesis unlinkedPair = Verdict.merge t) ∧
      ∃ t, reconcile genesis (alone (unlinkedEvent 2)) = Verdict.merge t ∧
        reconcile t (alone (unlinkedEvent 1)) = Verdict.obstruction Predicate.p1001 (unlinkedEvent 1) :=
  ⟨⟨_, pair_merges⟩, ⟨afterSecond, second_merges, first_then_obstructs⟩⟩

end Omega
