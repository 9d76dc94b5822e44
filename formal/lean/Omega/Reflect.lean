import Omega.Standing

/-!
At each place of its walk, each test of the checker says what its predicate says.
-/

namespace Omega

theorem breaks1001_iff (s : State) (b : Batch) (before : List Event) (e : Event) (st : Stands b before e) :
    breaks1001 s before e = true ↔ Violates1001 s b e := by
  have t : breaks1001 s before e = true ↔ ¬ Known s e ∧ (¬ CausalOnly e ∧
      (¬ AboveFrontier s e ∨ ∃ f : Event, f ∈ streamBefore s before e ∧ f.lamport = e.lamport)) :=
    andb_of (notb_of (known_iff s e)) (andb_of (notb_of (causalOnly_iff e))
      (orb_of (notb_of (aboveFrontier_iff s e)) (anyb_of (fun f => decide_iff (f.lamport = e.lamport)))))
  constructor
  · intro h
    rcases t.1 h with ⟨new, causal, why⟩
    refine ⟨st.here, new, causal, ?_⟩
    rcases why with why | why
    · exact Or.inl why
    · rcases why with ⟨f, hf, same⟩
      have m := (mem_streamBefore s b before e st f).1 hf
      exact Or.inr ⟨f, m.1.1, m.2.2, m.2.1, m.1.2, same⟩
  · intro h
    rcases h with ⟨_, new, causal, why⟩
    refine t.2 ⟨new, causal, ?_⟩
    rcases why with why | why
    · exact Or.inl why
    · rcases why with ⟨f, hf, fnew, fs, fe, same⟩
      exact Or.inr ⟨f, (mem_streamBefore s b before e st f).2 ⟨⟨hf, fe⟩, ⟨fs, fnew⟩⟩, same⟩

theorem breaks1002_iff (b : Batch) (e : Event) (here : InBatch b e) : breaks1002 b e = true ↔ Violates1002 b e := by
  have t : breaks1002 b e = true ↔ ∃ l : List Occurrence, l ∈ b ∧
      (heldEarlier e l < 2 ∧ 2 ≤ heldEarlier e l + held e l) :=
    anyb_of (fun l => andb_of (decide_iff (heldEarlier e l < 2)) (decide_iff (2 ≤ heldEarlier e l + held e l)))
  constructor
  · intro h
    exact ⟨here, t.1 h⟩
  · intro h
    exact t.2 h.2

theorem breaks1003_iff (b : Batch) (e : Event) (here : InBatch b e) : breaks1003 e = true ↔ Violates1003 b e := by
  have t : breaks1003 e = true ↔
      ¬ (InDomain e.id ∧ ((∀ d, d ∈ e.deps → InDomain d) ∧ e.prev < idEnd)) :=
    notb_of (andb_of (inDomain_iff e.id) (andb_of (allb_of (fun d => inDomain_iff d)) (decide_iff (e.prev < idEnd))))
  constructor
  · intro h
    exact ⟨here, t.1 h⟩
  · intro h
    exact t.2 h.2

theorem unlinked_iff (s : State) (b : Batch) (before : List Event) (e : Event) (st : Stands b before e) :
    unlinked s before e = true ↔ LinkedBelow s b e := by
  have t : unlinked s before e = true ↔ (∃ f : Frontier, frontierOf s e = some f ∧ f.linked = true) ∨
      ∃ f : Event, f ∈ lineBefore s before e ∧ ¬ f.prev = 0 :=
    orb_of (optb_of (fun _ => Iff.rfl)) (anyb_of (fun f => linked_iff f))
  constructor
  · intro h
    rcases t.1 h with h | h
    · exact Or.inl h
    · rcases h with ⟨f, hf, fp⟩
      have m := (mem_lineBefore s b before e st f).1 hf
      exact Or.inr ⟨f, m.1, m.2.1, m.2.2, fp⟩
  · intro h
    rcases h with h | h
    · exact t.2 (Or.inl h)
    · rcases h with ⟨f, line, same, early, fp⟩
      exact t.2 (Or.inr ⟨f, (mem_lineBefore s b before e st f).2 ⟨line, same, early⟩, fp⟩)

theorem breaks1004_iff (s : State) (b : Batch) (es before : List Event) (e : Event) (all : EventsOf b es)
    (fits : HashFits b) (st : Stands b before e) : breaks1004 s es before e = true ↔ Violates1004 s b e := by
  have mis : misnamed s es before e = true ↔ ¬ SeveralVersions s b e.prev ∧
      ((¬ IdInBatch b e.prev ∧ ¬ IdInState s e.prev) ∨ ¬ NextSmaller s b e e.prev) :=
    andb_of (notb_of (severalVersions_iff s b es all fits e.prev))
      (orb_of (andb_of (notb_of (idInBatch_iff b es all e.prev)) (notb_of (idInState_iff s e.prev)))
        (notb_of (nextSmaller_iff s b before e st e.prev)))
  have t : breaks1004 s es before e = true ↔ ¬ Known s e ∧ (¬ CausalOnly e ∧ (AboveFrontier s e ∧
      ((e.prev = 0 ∧ LinkedBelow s b e) ∨ (¬ e.prev = 0 ∧ (¬ SeveralVersions s b e.prev ∧
        ((¬ IdInBatch b e.prev ∧ ¬ IdInState s e.prev) ∨ ¬ NextSmaller s b e e.prev)))))) :=
    andb_of (notb_of (known_iff s e)) (andb_of (notb_of (causalOnly_iff e)) (andb_of (aboveFrontier_iff s e)
      (orb_of (andb_of (decide_iff (e.prev = 0)) (unlinked_iff s b before e st))
        (andb_of (notb_of (decide_iff (e.prev = 0))) mis))))
  constructor
  · intro h
    rcases t.1 h with ⟨new, causal, above, why⟩
    exact ⟨⟨st.here, new, above⟩, causal, why⟩
  · intro h
    rcases h with ⟨line, causal, why⟩
    rcases line with ⟨_, new, above⟩
    exact t.2 ⟨new, causal, above, why⟩

theorem breaks2001_iff (b : Batch) (e : Event) (fits : HashFits b) (here : InBatch b e) :
    breaks2001 b e = true ↔ Violates2001 b e := by
  have t : breaks2001 b e = true ↔ ∃ o : Occurrence, o ∈ occurrences b ∧ (o.event.hash = e.hash ∧
      ∃ h : Nat, o.found = some h ∧ ¬ h = e.stated) :=
    anyb_of (fun o => andb_of (decide_iff (o.event.hash = e.hash))
      (optb_of (fun h => notb_of (decide_iff (h = e.stated)))))
  constructor
  · intro x
    rcases t.1 x with ⟨o, ho, eo, h, fo, differs⟩
    exact ⟨o, h, ho, fits o.event e (occurrence_of b o ho) here eo, fo, differs⟩
  · intro x
    rcases x with ⟨o, h, ho, eo, fo, differs⟩
    have eh : o.event.hash = e.hash := by rw [eo]
    exact t.2 ⟨o, ho, eh, h, fo, differs⟩

theorem breaks2002_iff (s : State) (b : Batch) (es : List Event) (e : Event) (all : EventsOf b es)
    (here : InBatch b e) : breaks2002 s es e = true ↔ Violates2002 s b e := by
  have t : breaks2002 s es e = true ↔ ¬ Known s e ∧ ∃ d : Nat, d ∈ e.deps ∧ (¬ IdInBatch b d ∧ ¬ IdInState s d) :=
    andb_of (notb_of (known_iff s e))
      (anyb_of (fun d => andb_of (notb_of (idInBatch_iff b es all d)) (notb_of (idInState_iff s d))))
  constructor
  · intro h
    exact ⟨here, t.1 h⟩
  · intro h
    exact t.2 h.2

theorem breaks2003_iff (s : State) (b : Batch) (es : List Event) (e : Event) (all : EventsOf b es)
    (here : InBatch b e) : breaks2003 s es e = true ↔ Violates2003 s b e := by
  have t : breaks2003 s es e = true ↔ ¬ Known s e ∧ ∃ d : Nat, d ∈ e.deps ∧
      ((∃ f : Event, f ∈ es ∧ (f.id = d ∧ e.lamport ≤ f.lamport)) ∨
        ∃ v : Nat × Nat, accepted s d = some v ∧ e.lamport ≤ v.1) :=
    andb_of (notb_of (known_iff s e)) (anyb_of (fun d =>
      orb_of (anyb_of (fun f => andb_of (decide_iff (f.id = d)) (decide_iff (e.lamport ≤ f.lamport))))
        (optb_of (fun v => decide_iff (e.lamport ≤ v.1)))))
  constructor
  · intro h
    rcases t.1 h with ⟨new, d, hd, why⟩
    refine ⟨here, new, d, hd, ?_⟩
    rcases why with why | why
    · rcases why with ⟨f, hf, fd, le⟩
      exact Or.inl ⟨f, (all f).1 hf, fd, le⟩
    · rcases why with ⟨v, hv, le⟩
      cases v with
      | mk l x => exact Or.inr ⟨l, x, hv, le⟩
  · intro h
    rcases h with ⟨_, new, d, hd, why⟩
    refine t.2 ⟨new, d, hd, ?_⟩
    rcases why with why | why
    · rcases why with ⟨f, hf, fd, le⟩
      exact Or.inl ⟨f, (all f).2 hf, fd, le⟩
    · rcases why with ⟨l, x, hx, le⟩
      exact Or.inr ⟨(l, x), hx, le⟩

theorem breaks3002_iff (s : State) (b : Batch) (before : List Event) (e : Event) (st : Stands b before e) :
    breaks3002 s before e = true ↔ Violates3002 s b e := by
  have t : breaks3002 s before e = true ↔ ∃ c : Nat, e.claim = some c ∧ ((∃ i : Nat, i ∈ past e ∧ True) ∧
      ∃ f : Event, f ∈ before ∧ ∃ d : Nat, f.claim = some d ∧ (¬ d = c ∧
        ((∀ i, Past f i ↔ Past e i) ∧ ¬ (Known s f ∧ Known s e)))) :=
    optb_of (fun c => andb_of (anyb_of (fun _ => Iff.intro (fun _ => True.intro) (fun _ => rfl)))
      (anyb_of (fun f => optb_of (fun d => andb_of (notb_of (decide_iff (d = c)))
        (andb_of (same_past_iff f e) (notb_of (andb_of (known_iff s f) (known_iff s e))))))))
  constructor
  · intro h
    rcases t.1 h with ⟨c, hc, ⟨i, hi, _⟩, f, hf, d, hd, dc, same, unknown⟩
    have m := (st.before_iff f).1 hf
    refine ⟨st.here, ?_, ⟨i, (past_iff e i).1 hi⟩, f, m.1, m.2, ?_, ?_, same, unknown⟩
    · intro z
      rw [hc] at z
      cases z
    · intro z
      rw [hd] at z
      cases z
    · intro z
      rw [hd, hc] at z
      exact dc (Option.some.inj z)
  · intro h
    rcases h with ⟨_, claims, ⟨i, hi⟩, f, hf, fe, fclaims, differ, same, unknown⟩
    rcases none_or e.claim with hc | hc
    · exact absurd hc claims
    · rcases none_or f.claim with hd | hd
      · exact absurd hd fclaims
      · rcases hc with ⟨c, hc⟩
        rcases hd with ⟨d, hd⟩
        have dc : ¬ d = c := by
          intro z
          apply differ
          rw [hd, hc, z]
        exact t.2 ⟨c, hc, ⟨i, (past_iff e i).2 hi, True.intro⟩, f, (st.before_iff f).2 ⟨hf, fe⟩, d, hd, dc, same,
          unknown⟩

theorem disagrees_iff (s : State) (b : Batch) (before : List Event) (e : Event) (fits : HashFits b)
    (st : Stands b before e) : disagrees s b before e = true ↔ Disagrees s b e := by
  have t : disagrees s b before e = true ↔ (∃ l h, accepted s e.id = some (l, h) ∧ h ≠ e.hash) ∨
      ∃ f : Event, f ∈ before ∧ (f.id = e.id ∧ inTwo b e f = true) :=
    orb_of (other_hash_iff s e.id e.hash) (anyb_of (fun f => andb_of (decide_iff (f.id = e.id)) Iff.rfl))
  constructor
  · intro h
    refine ⟨st.here, ?_⟩
    rcases t.1 h with h | h
    · exact Or.inl h
    · rcases h with ⟨f, hf, fi, two⟩
      have m := (st.before_iff f).1 hf
      exact Or.inr ⟨f, fi, m.2, (inTwo_iff b fits e f st.here m.1).1 two⟩
  · intro h
    rcases h with ⟨_, h⟩
    rcases h with h | h
    · exact t.2 (Or.inl h)
    · rcases h with ⟨f, fi, fe, two⟩
      have hf : InBatch b f := by
        rcases two with ⟨_, j, _, m, _, hj, _, _, mf⟩
        exact (inBatch_log b f).2 ⟨m, mem_of_nth m b j hj, mf⟩
      exact t.2 (Or.inr ⟨f, (st.before_iff f).2 ⟨hf, fe⟩, fi, (inTwo_iff b fits e f st.here hf).2 two⟩)

/-- The checker looks for an earlier disagreement about the id at the place where that one stood. -/
theorem noneBefore_iff (s : State) (b : Batch) (fits : HashFits b) (i : Nat) : ∀ (before : List Event) (e : Event),
    Stands b before e →
      (noneBefore s b i before = true ↔ ∀ f, f ∈ before → f.id = i → ¬ Disagrees s b f) := by
  intro before
  induction before with
  | nil =>
    intro e _
    constructor
    · intro _ f hf
      exact nowhere hf
    · intro _
      exact rfl
  | cons g l ih =>
    intro e st
    have sg : Stands b l g := stood_before b g l e st
    have t : noneBefore s b i (g :: l) = true ↔ ¬ (g.id = i ∧ Disagrees s b g) ∧
        ∀ f, f ∈ l → f.id = i → ¬ Disagrees s b f :=
      andb_of (notb_of (andb_of (decide_iff (g.id = i)) (disagrees_iff s b l g fits sg))) (ih g sg)
    constructor
    · intro h f hf fi dis
      rcases List.mem_cons.1 hf with same | hf
      · rw [same] at fi
        rw [same] at dis
        exact (t.1 h).1 ⟨fi, dis⟩
      · exact (t.1 h).2 f hf fi dis
    · intro h
      refine t.2 ⟨?_, ?_⟩
      · intro both
        exact h g (mem_head g l) both.1 both.2
      · intro f hf fi
        exact h f (mem_tail g hf) fi

theorem breaks3001_iff (s : State) (b : Batch) (before : List Event) (e : Event) (fits : HashFits b)
    (st : Stands b before e) : breaks3001 s b before e = true ↔ Violates3001 s b e := by
  have t : breaks3001 s b before e = true ↔ Disagrees s b e ∧
      ∀ f, f ∈ before → f.id = e.id → ¬ Disagrees s b f :=
    andb_of (disagrees_iff s b before e fits st) (noneBefore_iff s b fits e.id before e st)
  constructor
  · intro h
    refine ⟨(t.1 h).1, ?_⟩
    intro f dis fi fe
    exact (t.1 h).2 f ((st.before_iff f).2 ⟨dis.1, fe⟩) fi dis
  · intro h
    refine t.2 ⟨h.1, ?_⟩
    intro f hf fi dis
    exact h.2 f dis fi ((st.before_iff f).1 hf).2

/-- The checker's test at an event is the predicate. -/
theorem breaks_iff (s : State) (b : Batch) (es before : List Event) (e : Event) (all : EventsOf b es)
    (fits : HashFits b) (st : Stands b before e) (p : Predicate) :
    breaks s b es before e p = true ↔ Violates s b p e := by
  cases p with
  | p1002 => exact breaks1002_iff b e st.here
  | p3001 => exact breaks3001_iff s b before e fits st
  | p1001 => exact breaks1001_iff s b before e st
  | p1003 => exact breaks1003_iff b e st.here
  | p1004 => exact breaks1004_iff s b es before e all fits st
  | p2001 => exact breaks2001_iff b e fits st.here
  | p2002 => exact breaks2002_iff s b es e all st.here
  | p2003 => exact breaks2003_iff s b es e all st.here
  | p3002 => exact breaks3002_iff s b before e st

end Omega
