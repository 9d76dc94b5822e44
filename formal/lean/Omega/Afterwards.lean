import Omega.Accepting
import Omega.Words

/-!
What is in the state after events were accepted: their ids, and of each stream a frontier that came from somewhere.
-/

namespace Omega

theorem acceptAll_cons (e : Event) (l : List Event) (s : State) :
    acceptAll (e :: l) s = acceptAll l (acceptEvent s e) :=
  rfl

theorem acceptAll_append : ∀ (l m : List Event) (s : State), acceptAll (l ++ m) s = acceptAll m (acceptAll l s) := by
  intro l
  induction l with
  | nil =>
    intro m s
    rfl
  | cons e l ih =>
    intro m s
    show acceptAll (l ++ m) (acceptEvent s e) = acceptAll m (acceptAll l (acceptEvent s e))
    exact ih m (acceptEvent s e)

/-! ### Ids -/

theorem accepted_old : ∀ (l : List Event) (s : State) (i : Nat), (∀ e, e ∈ l → ¬ e.id = i) →
    accepted (acceptAll l s) i = accepted s i := by
  intro l
  induction l with
  | nil =>
    intro s i _
    rfl
  | cons e l ih =>
    intro s i h
    have other : ¬ i = e.id := fun same => h e (mem_head e l) same.symm
    rw [acceptAll_cons e l s, ih (acceptEvent s e) i (fun x hx => h x (mem_tail e hx)), accepted_other s e i other]

theorem accepted_new : ∀ (l : List Event) (s : State) (e : Event), IdsOnce l → e ∈ l →
    accepted (acceptAll l s) e.id = some (e.lamport, e.hash) := by
  intro l
  induction l with
  | nil =>
    intro s e _ he
    exact nowhere he
  | cons x l ih =>
    intro s e once he
    have once' : (∀ y, y ∈ l → ¬ y.id = x.id) ∧ IdsOnce l := once
    rw [acceptAll_cons x l s]
    rcases List.mem_cons.1 he with same | he
    · rw [same, accepted_old l (acceptEvent s x) x.id once'.1]
      exact accepted_there s x x.id rfl
    · exact ih (acceptEvent s x) e once'.2 he

/-! ### Frontiers -/

theorem frontier_untouched : ∀ (l : List Event) (s : State) (k : Nat × Nat), (∀ e, e ∈ l → ¬ k = streamKey e) →
    frontierAt (acceptAll l s) k = frontierAt s k := by
  intro l
  induction l with
  | nil =>
    intro s k _
    rfl
  | cons e l ih =>
    intro s k h
    rw [acceptAll_cons e l s, ih (acceptEvent s e) k (fun x hx => h x (mem_tail e hx)),
      frontier_other s e k (h e (mem_head e l))]

theorem frontier_remains : ∀ (l : List Event) (s : State) (k : Nat × Nat) (f : Frontier), frontierAt s k = some f →
    ∃ g, frontierAt (acceptAll l s) k = some g := by
  intro l
  induction l with
  | nil =>
    intro s k f h
    exact ⟨f, h⟩
  | cons e l ih =>
    intro s k f h
    rw [acceptAll_cons e l s]
    by_cases c : k = streamKey e
    · exact ih (acceptEvent s e) k (advance (frontierAt s k) e) (frontier_there s e k c)
    · exact ih (acceptEvent s e) k f ((frontier_other s e k c).trans h)

theorem frontier_of_accepted : ∀ (l : List Event) (s : State) (k : Nat × Nat) (e : Event), e ∈ l → k = streamKey e →
    ∃ f, frontierAt (acceptAll l s) k = some f := by
  intro l
  induction l with
  | nil =>
    intro s k e he _
    exact nowhere he
  | cons x l ih =>
    intro s k e he ke
    rw [acceptAll_cons x l s]
    rcases List.mem_cons.1 he with same | he
    · rw [same] at ke
      exact frontier_remains l (acceptEvent s x) k (advance (frontierAt s k) x) (frontier_there s x k ke)
    · exact ih (acceptEvent s x) k e he ke

/-- What is not below, is not below what that is not below. -/
theorem lexLt_not_trans (a b c : List Nat) (h : ¬ lexLt a b = true) (h' : ¬ lexLt b c = true) :
    ¬ lexLt a c = true := by
  intro ac
  rcases lexLt_total b c with bc | bc | cb
  · exact h' bc
  · rw [← bc] at ac
    exact h ac
  · exact h (lexLt_transitive a c b ac cb)

/-- A frontier that is another, linked or not. -/
def FrontierOf (f g : Frontier) : Prop := f.lamport = g.lamport ∧ f.id = g.id ∧ f.hash = g.hash

/-- A frontier that is an event. -/
def FrontierIs (f : Frontier) (e : Event) : Prop := f.lamport = e.lamport ∧ f.id = e.id ∧ f.hash = e.hash

/-- What one event makes of a frontier. -/
structure Advanced (o : Option Frontier) (e : Event) (f : Frontier) : Prop where
  source : (∃ g, o = some g ∧ FrontierOf f g) ∨ FrontierIs f e
  over : ∀ g, o = some g → ¬ lexLt [f.lamport, f.id] [g.lamport, g.id] = true
  most : ¬ lexLt [f.lamport, f.id] [e.lamport, e.id] = true
  linked : f.linked = true → (∃ g, o = some g ∧ g.linked = true) ∨ ¬ e.prev = 0

theorem advanced_none (e : Event) : Advanced none e (advance none e) := by
  rw [advance_first e]
  refine Advanced.mk (Or.inr ⟨rfl, rfl, rfl⟩) ?_ (lexLt_irreflexive [e.lamport, e.id]) ?_
  · intro g h
    cases h
  · intro h
    have h' : isLinked e = true := h
    exact Or.inr ((linked_iff e).1 h')

theorem linked_either (f : Frontier) (e : Event) (h : (f.linked || isLinked e) = true) :
    (∃ g, some f = some g ∧ g.linked = true) ∨ ¬ e.prev = 0 := by
  have t : (f.linked || isLinked e) = true ↔ f.linked = true ∨ ¬ e.prev = 0 := orb_of Iff.rfl (linked_iff e)
  rcases t.1 h with l | l
  · exact Or.inl ⟨f, rfl, l⟩
  · exact Or.inr l

theorem advanced_some (f : Frontier) (e : Event) : Advanced (some f) e (advance (some f) e) := by
  by_cases c : lexLt [f.lamport, f.id] [e.lamport, e.id] = true
  · rw [advance_newer f e c]
    refine Advanced.mk (Or.inr ⟨rfl, rfl, rfl⟩) ?_ (lexLt_irreflexive [e.lamport, e.id]) (fun h => linked_either f e h)
    intro g h ef
    have fg : f = g := Option.some.inj h
    rw [← fg] at ef
    exact lexLt_irreflexive [f.lamport, f.id]
      (lexLt_transitive [f.lamport, f.id] [e.lamport, e.id] [f.lamport, f.id] c ef)
  · rw [advance_older f e c]
    refine Advanced.mk (Or.inl ⟨f, rfl, rfl, rfl, rfl⟩) ?_ c (fun h => linked_either f e h)
    intro g h
    have fg : f = g := Option.some.inj h
    rw [← fg]
    exact lexLt_irreflexive [f.lamport, f.id]

theorem advanced (o : Option Frontier) (e : Event) : Advanced o e (advance o e) := by
  cases o with
  | none => exact advanced_none e
  | some f => exact advanced_some f e

/-- Where a frontier comes from, that nothing is greater, and why it is linked. -/
structure Came (s : State) (l : List Event) (k : Nat × Nat) (f : Frontier) : Prop where
  source : (∃ g, frontierAt s k = some g ∧ FrontierOf f g) ∨ ∃ e, e ∈ l ∧ k = streamKey e ∧ FrontierIs f e
  over : ∀ g, frontierAt s k = some g → ¬ lexLt [f.lamport, f.id] [g.lamport, g.id] = true
  most : ∀ e, e ∈ l → k = streamKey e → ¬ lexLt [f.lamport, f.id] [e.lamport, e.id] = true
  linked : f.linked = true →
    (∃ g, frontierAt s k = some g ∧ g.linked = true) ∨ ∃ e, e ∈ l ∧ k = streamKey e ∧ ¬ e.prev = 0

theorem frontierOf_trans (f g h : Frontier) (a : FrontierOf f g) (b : FrontierOf g h) : FrontierOf f h :=
  ⟨a.1.trans b.1, a.2.1.trans b.2.1, a.2.2.trans b.2.2⟩

theorem frontierIs_trans (f g : Frontier) (e : Event) (a : FrontierOf f g) (b : FrontierIs g e) : FrontierIs f e :=
  ⟨a.1.trans b.1, a.2.1.trans b.2.1, a.2.2.trans b.2.2⟩

theorem came_nothing (s : State) (k : Nat × Nat) (f : Frontier) (h : frontierAt s k = some f) : Came s [] k f := by
  refine Came.mk (Or.inl ⟨f, h, rfl, rfl, rfl⟩) ?_ (fun e he => nowhere he) (fun l => Or.inl ⟨f, h, l⟩)
  intro g hg
  rw [h] at hg
  have fg : f = g := Option.some.inj hg
  rw [← fg]
  exact lexLt_irreflexive [f.lamport, f.id]

theorem came_other (s : State) (x : Event) (l : List Event) (k : Nat × Nat) (f : Frontier) (c : ¬ k = streamKey x)
    (h : Came (acceptEvent s x) l k f) : Came s (x :: l) k f := by
  have same : frontierAt (acceptEvent s x) k = frontierAt s k := frontier_other s x k c
  refine Came.mk ?_ ?_ ?_ ?_
  · rcases h.source with q | q
    · rcases q with ⟨g, hg, fg⟩
      exact Or.inl ⟨g, same.symm.trans hg, fg⟩
    · rcases q with ⟨e, he, ke, fe⟩
      exact Or.inr ⟨e, mem_tail x he, ke, fe⟩
  · intro g hg
    exact h.over g (same.trans hg)
  · intro e he ke
    rcases List.mem_cons.1 he with ex | he
    · rw [ex] at ke
      exact absurd ke c
    · exact h.most e he ke
  · intro linked
    rcases h.linked linked with q | q
    · rcases q with ⟨g, hg, gl⟩
      exact Or.inl ⟨g, same.symm.trans hg, gl⟩
    · rcases q with ⟨e, he, ke, ep⟩
      exact Or.inr ⟨e, mem_tail x he, ke, ep⟩

theorem came_here (s : State) (x : Event) (l : List Event) (k : Nat × Nat) (f : Frontier) (c : k = streamKey x)
    (h : Came (acceptEvent s x) l k f) : Came s (x :: l) k f := by
  have made : frontierAt (acceptEvent s x) k = some (advance (frontierAt s k) x) := frontier_there s x k c
  have a : Advanced (frontierAt s k) x (advance (frontierAt s k) x) := advanced (frontierAt s k) x
  have high := h.over (advance (frontierAt s k) x) made
  refine Came.mk ?_ ?_ ?_ ?_
  · rcases h.source with q | q
    · rcases q with ⟨g, hg, fg⟩
      rw [made] at hg
      have ag : advance (frontierAt s k) x = g := Option.some.inj hg
      rw [← ag] at fg
      rcases a.source with r | r
      · rcases r with ⟨o, ho, ao⟩
        exact Or.inl ⟨o, ho, frontierOf_trans f (advance (frontierAt s k) x) o fg ao⟩
      · exact Or.inr ⟨x, mem_head x l, c, frontierIs_trans f (advance (frontierAt s k) x) x fg r⟩
    · rcases q with ⟨e, he, ke, fe⟩
      exact Or.inr ⟨e, mem_tail x he, ke, fe⟩
  · intro g hg
    exact lexLt_not_trans [f.lamport, f.id]
      [(advance (frontierAt s k) x).lamport, (advance (frontierAt s k) x).id] [g.lamport, g.id] high (a.over g hg)
  · intro e he ke
    rcases List.mem_cons.1 he with ex | he
    · rw [ex]
      exact lexLt_not_trans [f.lamport, f.id]
        [(advance (frontierAt s k) x).lamport, (advance (frontierAt s k) x).id] [x.lamport, x.id] high a.most
    · exact h.most e he ke
  · intro linked
    rcases h.linked linked with q | q
    · rcases q with ⟨g, hg, gl⟩
      rw [made] at hg
      have ag : advance (frontierAt s k) x = g := Option.some.inj hg
      rw [← ag] at gl
      rcases a.linked gl with r | r
      · exact Or.inl r
      · exact Or.inr ⟨x, mem_head x l, c, r⟩
    · rcases q with ⟨e, he, ke, ep⟩
      exact Or.inr ⟨e, mem_tail x he, ke, ep⟩

theorem frontier_from : ∀ (l : List Event) (s : State) (k : Nat × Nat) (f : Frontier),
    frontierAt (acceptAll l s) k = some f → Came s l k f := by
  intro l
  induction l with
  | nil =>
    intro s k f h
    exact came_nothing s k f h
  | cons x l ih =>
    intro s k f h
    have rest : Came (acceptEvent s x) l k f := ih (acceptEvent s x) k f h
    by_cases c : k = streamKey x
    · exact came_here s x l k f c rest
    · exact came_other s x l k f c rest

end Omega
