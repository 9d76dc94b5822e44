import Omega.Reconcile
import Omega.Sorting

/-!
What accepting events does to the state, and that their order does not matter.
-/

namespace Omega

/-! ### Maps -/

theorem lookup_here {Key Value : Type} [DecidableEq Key] (k k' : Key) (v : Value) (m : List (Key × Value))
    (h : k = k') : lookup k ((k', v) :: m) = some v := by
  show (if k = k' then some v else lookup k m) = some v
  exact if_pos h

theorem lookup_there {Key Value : Type} [DecidableEq Key] (k k' : Key) (v : Value) (m : List (Key × Value))
    (h : ¬ k = k') : lookup k ((k', v) :: m) = lookup k m := by
  show (if k = k' then some v else lookup k m) = lookup k m
  exact if_neg h

theorem update_here {Key Value : Type} [DecidableEq Key] (k j : Key) (v w : Value) (m : List (Key × Value))
    (h : k = j) : update k v ((j, w) :: m) = (k, v) :: m := by
  show (if k = j then (k, v) :: m else (j, w) :: update k v m) = (k, v) :: m
  exact if_pos h

theorem update_there {Key Value : Type} [DecidableEq Key] (k j : Key) (v w : Value) (m : List (Key × Value))
    (h : ¬ k = j) : update k v ((j, w) :: m) = (j, w) :: update k v m := by
  show (if k = j then (k, v) :: m else (j, w) :: update k v m) = (j, w) :: update k v m
  exact if_neg h

theorem lookup_update_same {Key Value : Type} [DecidableEq Key] (k : Key) (v : Value) : ∀ m : List (Key × Value),
    lookup k (update k v m) = some v := by
  intro m
  induction m with
  | nil =>
    show lookup k [(k, v)] = some v
    exact lookup_here k k v [] rfl
  | cons x m ih =>
    cases x with
    | mk j w =>
      by_cases c : k = j
      · rw [update_here k j v w m c]
        exact lookup_here k k v m rfl
      · rw [update_there k j v w m c, lookup_there k j w (update k v m) c]
        exact ih

theorem lookup_update_other {Key Value : Type} [DecidableEq Key] (k k' : Key) (v : Value) (other : ¬ k = k') :
    ∀ m : List (Key × Value), lookup k (update k' v m) = lookup k m := by
  intro m
  induction m with
  | nil =>
    show lookup k [(k', v)] = lookup k []
    exact lookup_there k k' v [] other
  | cons x m ih =>
    cases x with
    | mk j w =>
      by_cases c : k' = j
      · have kj : ¬ k = j := by
          intro same
          exact other (same.trans c.symm)
        rw [update_here k' j v w m c, lookup_there k k' v m other, lookup_there k j w m kj]
      · rw [update_there k' j v w m c]
        by_cases d : k = j
        · rw [lookup_here k j w (update k' v m) d, lookup_here k j w m d]
        · rw [lookup_there k j w (update k' v m) d, lookup_there k j w m d]
          exact ih

/-! ### States -/

def streamKey (e : Event) : Nat × Nat := (e.node, e.stream)

def frontierAt (s : State) (k : Nat × Nat) : Option Frontier := lookup k s.frontiers

/-- Alike in everything that can be asked of a state. -/
def SameState (s t : State) : Prop :=
  (∀ i, accepted s i = accepted t i) ∧ ∀ k, frontierAt s k = frontierAt t k

theorem sameState_trans (s t u : State) (h : SameState s t) (h' : SameState t u) : SameState s u :=
  ⟨fun i => (h.1 i).trans (h'.1 i), fun k => (h.2 k).trans (h'.2 k)⟩

theorem accepted_there (s : State) (e : Event) (i : Nat) (h : i = e.id) :
    accepted (acceptEvent s e) i = some (e.lamport, e.hash) := by
  rw [h]
  exact lookup_update_same e.id (e.lamport, e.hash) s.ids

theorem accepted_other (s : State) (e : Event) (i : Nat) (h : ¬ i = e.id) :
    accepted (acceptEvent s e) i = accepted s i :=
  lookup_update_other i e.id (e.lamport, e.hash) h s.ids

theorem frontier_there (s : State) (e : Event) (k : Nat × Nat) (h : k = streamKey e) :
    frontierAt (acceptEvent s e) k = some (advance (frontierAt s k) e) := by
  rw [h]
  exact lookup_update_same (streamKey e) (advance (frontierOf s e) e) s.frontiers

theorem frontier_other (s : State) (e : Event) (k : Nat × Nat) (h : ¬ k = streamKey e) :
    frontierAt (acceptEvent s e) k = frontierAt s k :=
  lookup_update_other k (streamKey e) (advance (frontierOf s e) e) h s.frontiers

theorem accept_same (s t : State) (e : Event) (h : SameState s t) : SameState (acceptEvent s e) (acceptEvent t e) := by
  refine ⟨?_, ?_⟩
  · intro i
    by_cases c : i = e.id
    · rw [accepted_there s e i c, accepted_there t e i c]
    · rw [accepted_other s e i c, accepted_other t e i c]
      exact h.1 i
  · intro k
    by_cases c : k = streamKey e
    · rw [frontier_there s e k c, frontier_there t e k c, h.2 k]
    · rw [frontier_other s e k c, frontier_other t e k c]
      exact h.2 k

theorem acceptAll_same : ∀ (l : List Event) (s t : State), SameState s t → SameState (acceptAll l s) (acceptAll l t) := by
  intro l
  induction l with
  | nil =>
    intro s t h
    exact h
  | cons e l ih =>
    intro s t h
    exact ih (acceptEvent s e) (acceptEvent t e) (accept_same s t e h)

end Omega
