import Omega.Versions

/-!
Where the walk stands: at an event of the batch, with exactly the earlier ones at hand, the nearest first.
-/

namespace Omega

/-- Every event is later than those behind it. -/
def Descending : List Event → Prop
  | [] => True
  | f :: l => (∀ g, g ∈ l → Earlier g f) ∧ Descending l

structure Stands (b : Batch) (before : List Event) (e : Event) : Prop where
  here : InBatch b e
  before_iff : ∀ f, f ∈ before ↔ InBatch b f ∧ Earlier f e
  descending : Descending before

/-- The walk stood at each of the events before, with those before it. -/
theorem stood_before (b : Batch) (f : Event) (before : List Event) (e : Event) (st : Stands b (f :: before) e) :
    Stands b before f := by
  have d : (∀ g, g ∈ before → Earlier g f) ∧ Descending before := st.descending
  have hf : InBatch b f ∧ Earlier f e := (st.before_iff f).1 (mem_head f before)
  refine Stands.mk hf.1 ?_ d.2
  intro g
  constructor
  · intro hg
    exact ⟨((st.before_iff g).1 (mem_tail f hg)).1, d.1 g hg⟩
  · intro hg
    have ge : Earlier g e := earlier_transitive g f e hg.2 hf.2
    rcases List.mem_cons.1 ((st.before_iff g).2 ⟨hg.1, ge⟩) with h | h
    · have gf : Earlier g f := hg.2
      rw [h] at gf
      exact absurd gf (earlier_irreflexive f)
    · exact h

theorem keep_descending (t : Event → Bool) : ∀ l : List Event, Descending l → Descending (keep t l) := by
  intro l
  induction l with
  | nil =>
    intro _
    exact True.intro
  | cons a l ih =>
    intro h
    have h' : (∀ g, g ∈ l → Earlier g a) ∧ Descending l := h
    by_cases c : t a = true
    · rw [keep_yes t a l c]
      show (∀ g, g ∈ keep t l → Earlier g a) ∧ Descending (keep t l)
      exact ⟨fun g hg => h'.1 g ((mem_keep t g l).1 hg).1, ih h'.2⟩
    · rw [keep_no t a l c]
      exact ih h'.2

theorem mem_streamBefore (s : State) (b : Batch) (before : List Event) (e : Event) (st : Stands b before e)
    (f : Event) : f ∈ streamBefore s before e ↔
      (InBatch b f ∧ Earlier f e) ∧ (SameStream f e ∧ ¬ Known s f) := by
  have t : (sameStream f e && !isKnown s f) = true ↔ SameStream f e ∧ ¬ Known s f :=
    andb_of (sameStream_iff f e) (notb_of (known_iff s f))
  have m : f ∈ streamBefore s before e ↔ f ∈ before ∧ (sameStream f e && !isKnown s f) = true :=
    mem_keep (fun (f : Event) => sameStream f e && !isKnown s f) f before
  constructor
  · intro h
    exact ⟨(st.before_iff f).1 (m.1 h).1, t.1 (m.1 h).2⟩
  · intro h
    exact m.2 ⟨(st.before_iff f).2 h.1, t.2 h.2⟩

theorem mem_lineBefore (s : State) (b : Batch) (before : List Event) (e : Event) (st : Stands b before e)
    (f : Event) : f ∈ lineBefore s before e ↔ OnLine s b f ∧ SameStream f e ∧ Earlier f e := by
  have m : f ∈ lineBefore s before e ↔ f ∈ streamBefore s before e ∧ aboveFrontier s f = true :=
    mem_keep (aboveFrontier s) f (streamBefore s before e)
  have m' := mem_streamBefore s b before e st f
  constructor
  · intro h
    have above : AboveFrontier s f := (aboveFrontier_iff s f).1 (m.1 h).2
    have inStream := m'.1 (m.1 h).1
    exact ⟨⟨inStream.1.1, inStream.2.2, above⟩, inStream.2.1, inStream.1.2⟩
  · intro h
    rcases h with ⟨line, same, early⟩
    rcases line with ⟨here, new, above⟩
    exact m.2 ⟨m'.2 ⟨⟨here, early⟩, ⟨same, new⟩⟩, (aboveFrontier_iff s f).2 above⟩

theorem lineBefore_descending (s : State) (b : Batch) (before : List Event) (e : Event) (st : Stands b before e) :
    Descending (lineBefore s before e) :=
  keep_descending (aboveFrontier s) (streamBefore s before e)
    (keep_descending (fun (f : Event) => sameStream f e && !isKnown s f) before st.descending)

/-! ### What comes before on the line -/

theorem nearest_iff (s : State) (b : Batch) (e : Event) (i : Nat) (line : List Event)
    (mem : ∀ f, f ∈ line ↔ OnLine s b f ∧ SameStream f e ∧ Earlier f e) (down : Descending line) :
    (∃ j, nearest line (frontierOf s e) = some j ∧ j = i) ↔ NextSmaller s b e i := by
  cases line with
  | nil =>
    have no : ∀ g, OnLine s b g → SameStream g e → ¬ Earlier g e :=
      fun g hg hs he => nowhere ((mem g).2 ⟨hg, hs, he⟩)
    constructor
    · intro h
      rcases h with ⟨j, hj, ji⟩
      rcases none_or (frontierOf s e) with c | c
      · rw [c] at hj
        have hj' : (none : Option Nat) = some j := hj
        cases hj'
      · rcases c with ⟨f, c⟩
        rw [c] at hj
        have hj' : some f.id = some j := hj
        have fj : f.id = j := Option.some.inj hj'
        exact Or.inr ⟨no, f, c, fj.trans ji⟩
    · intro h
      rcases h with h | h
      · rcases h with ⟨f, hf, hs, he, _, _⟩
        exact absurd he (no f hf hs)
      · rcases h with ⟨_, f, hf, fi⟩
        have n : nearest [] (some f) = some f.id := rfl
        refine ⟨f.id, ?_, fi⟩
        rw [hf, n]
  | cons f r =>
    have hf : OnLine s b f ∧ SameStream f e ∧ Earlier f e := (mem f).1 (mem_head f r)
    have d : (∀ g, g ∈ r → Earlier g f) ∧ Descending r := down
    constructor
    · intro h
      rcases h with ⟨j, hj, ji⟩
      have hj' : some f.id = some j := hj
      have fj : f.id = j := Option.some.inj hj'
      refine Or.inl ⟨f, hf.1, hf.2.1, hf.2.2, fj.trans ji, ?_⟩
      intro g hg hs he fg
      rcases List.mem_cons.1 ((mem g).2 ⟨hg, hs, he⟩) with h | h
      · rw [h] at fg
        exact earlier_irreflexive f fg
      · exact earlier_asymmetric f g fg (d.1 g h)
    · intro h
      rcases h with h | h
      · rcases h with ⟨g, hg, hs, he, gi, between⟩
        rcases List.mem_cons.1 ((mem g).2 ⟨hg, hs, he⟩) with same | hr
        · rw [same] at gi
          exact ⟨f.id, rfl, gi⟩
        · exact absurd (d.1 g hr) (between f hf.1 hf.2.1 hf.2.2)
      · rcases h with ⟨no, _⟩
        exact absurd hf.2.2 (no f hf.1 hf.2.1)

theorem nextSmaller_iff (s : State) (b : Batch) (before : List Event) (e : Event) (st : Stands b before e)
    (i : Nat) : optb (fun (j : Nat) => decide (j = i)) (nearest (lineBefore s before e) (frontierOf s e)) = true ↔
      NextSmaller s b e i := by
  have t : optb (fun (j : Nat) => decide (j = i)) (nearest (lineBefore s before e) (frontierOf s e)) = true ↔
      ∃ j : Nat, nearest (lineBefore s before e) (frontierOf s e) = some j ∧ j = i :=
    optb_of (fun j => decide_iff (j = i))
  exact Iff.trans t (nearest_iff s b e i (lineBefore s before e) (mem_lineBefore s b before e st)
    (lineBefore_descending s b before e st))

end Omega
