import Omega.States

/-!
Events with different ids may be accepted in any order.
-/

namespace Omega

/-! ### A frontier and two events -/

/-- The frontier that an event makes, linked or not. -/
def frontierBy (e : Event) (linked : Bool) : Frontier :=
  { lamport := e.lamport, id := e.id, hash := e.hash, linked := linked }

/-- A frontier that stays, linked or not. -/
def frontierStays (f : Frontier) (linked : Bool) : Frontier :=
  { lamport := f.lamport, id := f.id, hash := f.hash, linked := linked }

theorem advance_first (e : Event) : advance none e = frontierBy e (isLinked e) :=
  rfl

theorem advance_newer (f : Frontier) (e : Event) (h : lexLt [f.lamport, f.id] [e.lamport, e.id] = true) :
    advance (some f) e = frontierBy e (f.linked || isLinked e) := by
  show (if lexLt [f.lamport, f.id] [e.lamport, e.id] = true then frontierBy e (f.linked || isLinked e)
    else frontierStays f (f.linked || isLinked e)) = frontierBy e (f.linked || isLinked e)
  exact if_pos h

theorem advance_older (f : Frontier) (e : Event) (h : ¬ lexLt [f.lamport, f.id] [e.lamport, e.id] = true) :
    advance (some f) e = frontierStays f (f.linked || isLinked e) := by
  show (if lexLt [f.lamport, f.id] [e.lamport, e.id] = true then frontierBy e (f.linked || isLinked e)
    else frontierStays f (f.linked || isLinked e)) = frontierStays f (f.linked || isLinked e)
  exact if_neg h

/-- By (lamport, id). -/
def Newer (a b : Event) : Prop := lexLt [a.lamport, a.id] [b.lamport, b.id] = true

theorem newer_or (a b : Event) (ne : ¬ a.id = b.id) : (Newer a b ∧ ¬ Newer b a) ∨ (Newer b a ∧ ¬ Newer a b) := by
  have never : ∀ x y : Event, Newer x y → ¬ Newer y x := by
    intro x y h h'
    exact lexLt_irreflexive [x.lamport, x.id]
      (lexLt_transitive [x.lamport, x.id] [y.lamport, y.id] [x.lamport, x.id] h h')
  rcases lexLt_total [a.lamport, a.id] [b.lamport, b.id] with h | h | h
  · exact Or.inl ⟨h, never a b h⟩
  · have tails : [a.id] = [b.id] := (List.cons.inj h).2
    exact absurd (List.cons.inj tails).1 ne
  · exact Or.inr ⟨h, never b a h⟩

theorem or_swap (x y z : Bool) : ((x || y) || z) = ((x || z) || y) := by
  cases x with
  | true => rfl
  | false =>
    cases y with
    | true =>
      cases z with
      | true => rfl
      | false => rfl
    | false =>
      cases z with
      | true => rfl
      | false => rfl

theorem or_turn (y z : Bool) : (y || z) = (z || y) := by
  cases y with
  | true =>
    cases z with
    | true => rfl
    | false => rfl
  | false =>
    cases z with
    | true => rfl
    | false => rfl

theorem advance_swap_none (a b : Event) (ne : ¬ a.id = b.id) :
    advance (some (advance none a)) b = advance (some (advance none b)) a := by
  rw [advance_first a, advance_first b]
  rcases newer_or a b ne with h | h
  · rw [advance_newer (frontierBy a (isLinked a)) b h.1, advance_older (frontierBy b (isLinked b)) a h.2]
    show frontierBy b (isLinked a || isLinked b) = frontierBy b (isLinked b || isLinked a)
    rw [or_turn (isLinked a) (isLinked b)]
  · rw [advance_older (frontierBy a (isLinked a)) b h.2, advance_newer (frontierBy b (isLinked b)) a h.1]
    show frontierBy a (isLinked a || isLinked b) = frontierBy a (isLinked b || isLinked a)
    rw [or_turn (isLinked a) (isLinked b)]

theorem advance_swap_some (f : Frontier) (a b : Event) (ne : ¬ a.id = b.id) :
    advance (some (advance (some f) a)) b = advance (some (advance (some f) b)) a := by
  have links := or_swap f.linked (isLinked a) (isLinked b)
  by_cases x : lexLt [f.lamport, f.id] [a.lamport, a.id] = true
  · by_cases y : lexLt [f.lamport, f.id] [b.lamport, b.id] = true
    · rw [advance_newer f a x, advance_newer f b y]
      rcases newer_or a b ne with h | h
      · rw [advance_newer (frontierBy a (f.linked || isLinked a)) b h.1,
          advance_older (frontierBy b (f.linked || isLinked b)) a h.2]
        show frontierBy b ((f.linked || isLinked a) || isLinked b) = frontierBy b ((f.linked || isLinked b) || isLinked a)
        rw [links]
      · rw [advance_older (frontierBy a (f.linked || isLinked a)) b h.2,
          advance_newer (frontierBy b (f.linked || isLinked b)) a h.1]
        show frontierBy a ((f.linked || isLinked a) || isLinked b) = frontierBy a ((f.linked || isLinked b) || isLinked a)
        rw [links]
    · have ab : ¬ Newer a b := fun h =>
        y (lexLt_transitive [f.lamport, f.id] [a.lamport, a.id] [b.lamport, b.id] x h)
      rw [advance_newer f a x, advance_older f b y, advance_older (frontierBy a (f.linked || isLinked a)) b ab,
        advance_newer (frontierStays f (f.linked || isLinked b)) a x]
      show frontierBy a ((f.linked || isLinked a) || isLinked b) = frontierBy a ((f.linked || isLinked b) || isLinked a)
      rw [links]
  · by_cases y : lexLt [f.lamport, f.id] [b.lamport, b.id] = true
    · have ba : ¬ Newer b a := fun h =>
        x (lexLt_transitive [f.lamport, f.id] [b.lamport, b.id] [a.lamport, a.id] y h)
      rw [advance_older f a x, advance_newer f b y, advance_newer (frontierStays f (f.linked || isLinked a)) b y,
        advance_older (frontierBy b (f.linked || isLinked b)) a ba]
      show frontierBy b ((f.linked || isLinked a) || isLinked b) = frontierBy b ((f.linked || isLinked b) || isLinked a)
      rw [links]
    · rw [advance_older f a x, advance_older f b y, advance_older (frontierStays f (f.linked || isLinked a)) b y,
        advance_older (frontierStays f (f.linked || isLinked b)) a x]
      show frontierStays f ((f.linked || isLinked a) || isLinked b) =
        frontierStays f ((f.linked || isLinked b) || isLinked a)
      rw [links]

theorem advance_swap (o : Option Frontier) (a b : Event) (ne : ¬ a.id = b.id) :
    advance (some (advance o a)) b = advance (some (advance o b)) a := by
  cases o with
  | none => exact advance_swap_none a b ne
  | some f => exact advance_swap_some f a b ne

/-! ### Two events, and any number -/

theorem accept_swap (s : State) (a b : Event) (ne : ¬ a.id = b.id) :
    SameState (acceptEvent (acceptEvent s a) b) (acceptEvent (acceptEvent s b) a) := by
  refine ⟨?_, ?_⟩
  · intro i
    by_cases x : i = a.id
    · have y : ¬ i = b.id := fun h => ne (x.symm.trans h)
      rw [accepted_other (acceptEvent s a) b i y, accepted_there s a i x, accepted_there (acceptEvent s b) a i x]
    · rw [accepted_other (acceptEvent s b) a i x]
      by_cases y : i = b.id
      · rw [accepted_there (acceptEvent s a) b i y, accepted_there s b i y]
      · rw [accepted_other (acceptEvent s a) b i y, accepted_other s a i x, accepted_other s b i y]
  · intro k
    by_cases x : k = streamKey a
    · by_cases y : k = streamKey b
      · rw [frontier_there (acceptEvent s a) b k y, frontier_there s a k x, frontier_there (acceptEvent s b) a k x,
          frontier_there s b k y, advance_swap (frontierAt s k) a b ne]
      · rw [frontier_other (acceptEvent s a) b k y, frontier_there s a k x, frontier_there (acceptEvent s b) a k x,
          frontier_other s b k y]
    · by_cases y : k = streamKey b
      · rw [frontier_there (acceptEvent s a) b k y, frontier_other s a k x, frontier_other (acceptEvent s b) a k x,
          frontier_there s b k y]
      · rw [frontier_other (acceptEvent s a) b k y, frontier_other s a k x, frontier_other (acceptEvent s b) a k x,
          frontier_other s b k y]

/-- No id comes twice. -/
def IdsOnce : List Event → Prop
  | [] => True
  | e :: l => (∀ x, x ∈ l → ¬ x.id = e.id) ∧ IdsOnce l

theorem idsOnce_perm {l m : List Event} (p : Perm l m) : IdsOnce l → IdsOnce m := by
  induction p with
  | nil => exact fun o => o
  | @cons e l m q ih =>
    intro o
    have o' : (∀ x, x ∈ l → ¬ x.id = e.id) ∧ IdsOnce l := o
    show (∀ x, x ∈ m → ¬ x.id = e.id) ∧ IdsOnce m
    exact ⟨fun x hx => o'.1 x (q.mem x hx), ih o'.2⟩
  | swap a b l =>
    intro o
    have o' : (∀ x, x ∈ b :: l → ¬ x.id = a.id) ∧ ((∀ x, x ∈ l → ¬ x.id = b.id) ∧ IdsOnce l) := o
    show (∀ x, x ∈ a :: l → ¬ x.id = b.id) ∧ ((∀ x, x ∈ l → ¬ x.id = a.id) ∧ IdsOnce l)
    refine ⟨?_, fun x hx => o'.1 x (mem_tail b hx), o'.2.2⟩
    intro x hx same
    rcases List.mem_cons.1 hx with e | hx
    · rw [e] at same
      exact o'.1 b (mem_head b l) same.symm
    · exact o'.2.1 x hx same
  | trans _ _ ih ih' => exact fun o => ih' (ih o)

/-- Events with different ids may be accepted in any order. -/
theorem accepting_forgets_order {l m : List Event} (p : Perm l m) : IdsOnce l → ∀ s t : State, SameState s t →
    SameState (acceptAll l s) (acceptAll m t) := by
  induction p with
  | nil =>
    intro _ s t h
    exact h
  | @cons e l m _ ih =>
    intro o s t h
    have o' : (∀ x, x ∈ l → ¬ x.id = e.id) ∧ IdsOnce l := o
    show SameState (acceptAll l (acceptEvent s e)) (acceptAll m (acceptEvent t e))
    exact ih o'.2 (acceptEvent s e) (acceptEvent t e) (accept_same s t e h)
  | swap a b l =>
    intro o s t h
    have o' : (∀ x, x ∈ b :: l → ¬ x.id = a.id) ∧ ((∀ x, x ∈ l → ¬ x.id = b.id) ∧ IdsOnce l) := o
    have ne : ¬ a.id = b.id := fun same => o'.1 b (mem_head b l) same.symm
    show SameState (acceptAll l (acceptEvent (acceptEvent s a) b)) (acceptAll l (acceptEvent (acceptEvent t b) a))
    refine acceptAll_same l (acceptEvent (acceptEvent s a) b) (acceptEvent (acceptEvent t b) a) ?_
    exact sameState_trans (acceptEvent (acceptEvent s a) b) (acceptEvent (acceptEvent s b) a)
      (acceptEvent (acceptEvent t b) a) (accept_swap s a b ne)
      (accept_same (acceptEvent s b) (acceptEvent t b) a (accept_same s t b h))
  | @trans l m n q _ ih ih' =>
    intro o s t h
    have same : SameState s s := ⟨fun _ => rfl, fun _ => rfl⟩
    exact sameState_trans (acceptAll l s) (acceptAll m s) (acceptAll n t) (ih o s s same)
      (ih' (idsOnce_perm q o) s t h)

end Omega
