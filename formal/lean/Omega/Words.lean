import Omega.Distinct

/-!
The words of the predicates and the checker's tests for them mean the same.
-/

namespace Omega

theorem mem_occurrences (o : Occurrence) : ∀ b : List (List Occurrence),
    o ∈ occurrences b ↔ ∃ l, l ∈ b ∧ o ∈ l := by
  intro b
  induction b with
  | nil =>
    constructor
    · intro h
      have h' : o ∈ ([] : List Occurrence) := h
      exact nowhere h'
    · intro h
      rcases h with ⟨l, hl, _⟩
      exact nowhere hl
  | cons m b ih =>
    constructor
    · intro h
      have h' : o ∈ m ++ occurrences b := h
      rcases List.mem_append.1 h' with h' | h'
      · exact ⟨m, mem_head m b, h'⟩
      · rcases ih.1 h' with ⟨l, hl, ho⟩
        exact ⟨l, mem_tail m hl, ho⟩
    · intro h
      rcases h with ⟨l, hl, ho⟩
      show o ∈ m ++ occurrences b
      rcases List.mem_cons.1 hl with e | hl
      · rw [e] at ho
        exact List.mem_append.2 (Or.inl ho)
      · exact List.mem_append.2 (Or.inr (ih.2 ⟨l, hl, ho⟩))

theorem mem_eventsOf (e : Event) : ∀ l : List Occurrence, e ∈ eventsOf l ↔ ∃ o, o ∈ l ∧ o.event = e := by
  intro l
  induction l with
  | nil =>
    constructor
    · intro h
      have h' : e ∈ ([] : List Event) := h
      exact nowhere h'
    · intro h
      rcases h with ⟨o, ho, _⟩
      exact nowhere ho
  | cons p l ih =>
    constructor
    · intro h
      have h' : e ∈ p.event :: eventsOf l := h
      rcases List.mem_cons.1 h' with h' | h'
      · exact ⟨p, mem_head p l, h'.symm⟩
      · rcases ih.1 h' with ⟨o, ho, he⟩
        exact ⟨o, mem_tail p ho, he⟩
    · intro h
      rcases h with ⟨o, ho, he⟩
      show e ∈ p.event :: eventsOf l
      rcases List.mem_cons.1 ho with h' | ho
      · rw [h'] at he
        exact List.mem_cons.2 (Or.inl he.symm)
      · exact mem_tail p.event (ih.2 ⟨o, ho, he⟩)

theorem inBatch_iff (b : Batch) (e : Event) : InBatch b e ↔ ∃ o, o ∈ occurrences b ∧ o.event = e :=
  mem_eventsOf e (occurrences b)

theorem occurrence_of (b : Batch) (o : Occurrence) (h : o ∈ occurrences b) : InBatch b o.event :=
  (inBatch_iff b o.event).2 ⟨o, h, rfl⟩

theorem in_log (b : Batch) (l : List Occurrence) (o : Occurrence) (hl : l ∈ b) (ho : o ∈ l) : InBatch b o.event :=
  occurrence_of b o ((mem_occurrences o b).2 ⟨l, hl, ho⟩)

/-- Holds exactly the events of the batch. -/
def EventsOf (b : Batch) (es : List Event) : Prop := ∀ e, e ∈ es ↔ InBatch b e

theorem distinct_events (b : Batch) (fits : HashFits b) : EventsOf b (distinct b) := by
  intro e
  constructor
  · intro h
    exact mem_of_ascendingOf e (events b) h
  · intro h
    exact mem_ascendingOf e (events b) (fun x y hx hy => fits x y hx hy) h

theorem distinct_rising (b : Batch) : Rising (distinct b) := ascendingOf_rising (events b)

/-! ### Of an event and the state -/

theorem pair_iff (o : Option (Nat × Nat)) (p : Nat → Nat → Prop) :
    (∃ v : Nat × Nat, o = some v ∧ p v.1 v.2) ↔ ∃ l h, o = some (l, h) ∧ p l h := by
  constructor
  · intro e
    rcases e with ⟨v, ho, hp⟩
    cases v with
    | mk l h => exact ⟨l, h, ho, hp⟩
  · intro e
    rcases e with ⟨l, h, ho, hp⟩
    exact ⟨(l, h), ho, hp⟩

theorem known_iff (s : State) (e : Event) : isKnown s e = true ↔ Known s e := by
  have t : isKnown s e = true ↔ ∃ v : Nat × Nat, accepted s e.id = some v ∧ v.2 = e.hash :=
    optb_of (fun v => decide_iff (v.2 = e.hash))
  constructor
  · intro h
    rcases (pair_iff (accepted s e.id) (fun _ x => x = e.hash)).1 (t.1 h) with ⟨l, x, hx, ex⟩
    have ex' : x = e.hash := ex
    rw [ex'] at hx
    exact ⟨l, hx⟩
  · intro h
    rcases h with ⟨l, hl⟩
    exact t.2 ⟨(l, e.hash), hl, rfl⟩

theorem other_hash_iff (s : State) (i x : Nat) : optb (fun (v : Nat × Nat) => !decide (v.2 = x)) (accepted s i) = true ↔
    ∃ l h, accepted s i = some (l, h) ∧ h ≠ x := by
  have t : optb (fun (v : Nat × Nat) => !decide (v.2 = x)) (accepted s i) = true ↔
      ∃ v : Nat × Nat, accepted s i = some v ∧ ¬ v.2 = x :=
    optb_of (fun v => notb_of (decide_iff (v.2 = x)))
  exact Iff.trans t (pair_iff (accepted s i) (fun _ h => h ≠ x))

theorem linked_iff (e : Event) : isLinked e = true ↔ ¬ e.prev = 0 :=
  notb_of (decide_iff (e.prev = 0))

theorem sameStream_iff (e f : Event) : sameStream e f = true ↔ SameStream e f :=
  andb_of (decide_iff (e.node = f.node)) (decide_iff (e.stream = f.stream))

theorem causalOnly_iff (e : Event) : causalOnly e = true ↔ CausalOnly e :=
  decide_iff (firstCausalOnly ≤ e.stream)

theorem aboveFrontier_iff (s : State) (e : Event) : aboveFrontier s e = true ↔ AboveFrontier s e := by
  have t : aboveFrontier s e = true ↔ ¬ ∃ f : Frontier, frontierOf s e = some f ∧ ¬ f.lamport < e.lamport :=
    notb_of (optb_of (fun f => notb_of (decide_iff (f.lamport < e.lamport))))
  constructor
  · intro h f hf
    by_cases c : f.lamport < e.lamport
    · exact c
    · exact False.elim (t.1 h ⟨f, hf, c⟩)
  · intro h
    apply t.2
    intro x
    rcases x with ⟨f, hf, c⟩
    exact c (h f hf)

theorem inDomain_iff (i : Nat) : inDomain i = true ↔ InDomain i :=
  andb_of (decide_iff (0 < i)) (decide_iff (i < idEnd))

theorem idInState_iff (s : State) (i : Nat) : idInState s i = true ↔ IdInState s i := by
  have t : idInState s i = true ↔ ∃ v : Nat × Nat, accepted s i = some v ∧ True :=
    optb_of (fun _ => Iff.intro (fun _ => True.intro) (fun _ => rfl))
  constructor
  · intro h
    rcases t.1 h with ⟨v, hv, _⟩
    cases v with
    | mk l x => exact ⟨l, x, hv⟩
  · intro h
    rcases h with ⟨l, x, hx⟩
    exact t.2 ⟨(l, x), hx, True.intro⟩

theorem past_iff (e : Event) (i : Nat) : i ∈ past e ↔ Past e i := by
  by_cases c : e.prev = 0
  · have p : past e = e.deps := by
      show (if e.prev = 0 then e.deps else e.prev :: e.deps) = e.deps
      exact if_pos c
    rw [p]
    constructor
    · intro h
      exact Or.inl h
    · intro h
      rcases h with h | h
      · exact h
      · exact absurd c h.1
  · have p : past e = e.prev :: e.deps := by
      show (if e.prev = 0 then e.deps else e.prev :: e.deps) = e.prev :: e.deps
      exact if_neg c
    rw [p]
    constructor
    · intro h
      rcases List.mem_cons.1 h with h | h
      · exact Or.inr ⟨c, h⟩
      · exact Or.inl h
    · intro h
      rcases h with h | h
      · exact mem_tail e.prev h
      · exact List.mem_cons.2 (Or.inl h.2)

theorem within_iff (p q : List Nat) : within p q = true ↔ ∀ i, i ∈ p → i ∈ q := by
  have t : within p q = true ↔ ∀ i, i ∈ p → ∃ j, j ∈ q ∧ i = j :=
    allb_of (fun i => anyb_of (fun j => decide_iff (i = j)))
  constructor
  · intro h i hi
    rcases t.1 h i hi with ⟨j, hj, e⟩
    rw [e]
    exact hj
  · intro h
    exact t.2 (fun i hi => ⟨i, h i hi, rfl⟩)

theorem same_past_iff (f e : Event) :
    (within (past f) (past e) && within (past e) (past f)) = true ↔ ∀ i, Past f i ↔ Past e i := by
  have t := andb_of (within_iff (past f) (past e)) (within_iff (past e) (past f))
  constructor
  · intro h i
    constructor
    · intro p
      exact (past_iff e i).1 ((t.1 h).1 i ((past_iff f i).2 p))
    · intro p
      exact (past_iff f i).1 ((t.1 h).2 i ((past_iff e i).2 p))
  · intro h
    exact t.2 ⟨fun i hi => (past_iff e i).2 ((h i).1 ((past_iff f i).1 hi)),
      fun i hi => (past_iff f i).2 ((h i).2 ((past_iff e i).1 hi))⟩

end Omega
