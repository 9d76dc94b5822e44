import Omega.Reflect
import Omega.Catalog

/-!
The walk: where it finds nothing, nothing is violated; what it finds is the first violation.
-/

namespace Omega

theorem named_some (e : Event) (p : Predicate) (r : Option (Predicate × Event)) : named e (some p) r = some (p, e) :=
  rfl

theorem named_none (e : Event) (r : Option (Predicate × Event)) : named e none r = r :=
  rfl

theorem walk_cons (s : State) (b : Batch) (es rest before : List Event) (e : Event) :
    walk s b es (e :: rest) before =
      named e (firstOf (breaks s b es before e) catalog) (walk s b es rest (e :: before)) :=
  rfl

/-- Between what was walked and what is left. -/
structure Walked (b : Batch) (before rest : List Event) : Prop where
  whole : ∀ e, InBatch b e ↔ e ∈ before ∨ e ∈ rest
  apart : ∀ f, f ∈ before → ∀ g, g ∈ rest → Earlier f g
  descending : Descending before
  rising : Rising rest

theorem walked_stands (b : Batch) (before : List Event) (e : Event) (rest : List Event)
    (w : Walked b before (e :: rest)) : Stands b before e := by
  have r : (∀ g, g ∈ rest → Earlier e g) ∧ Rising rest := w.rising
  refine Stands.mk ((w.whole e).2 (Or.inr (mem_head e rest))) ?_ w.descending
  intro f
  constructor
  · intro hf
    exact ⟨(w.whole f).2 (Or.inl hf), w.apart f hf e (mem_head e rest)⟩
  · intro hf
    rcases (w.whole f).1 hf.1 with h | h
    · exact h
    · rcases List.mem_cons.1 h with h | h
      · have fe : Earlier f e := hf.2
        rw [h] at fe
        exact absurd fe (earlier_irreflexive e)
      · exact absurd hf.2 (earlier_asymmetric e f (r.1 f h))

theorem walked_on (b : Batch) (before : List Event) (e : Event) (rest : List Event)
    (w : Walked b before (e :: rest)) : Walked b (e :: before) rest := by
  have r : (∀ g, g ∈ rest → Earlier e g) ∧ Rising rest := w.rising
  refine Walked.mk ?_ ?_ ?_ r.2
  · intro f
    constructor
    · intro h
      rcases (w.whole f).1 h with h | h
      · exact Or.inl (mem_tail e h)
      · rcases List.mem_cons.1 h with h | h
        · exact Or.inl (List.mem_cons.2 (Or.inl h))
        · exact Or.inr h
    · intro h
      rcases h with h | h
      · rcases List.mem_cons.1 h with h | h
        · exact (w.whole f).2 (Or.inr (List.mem_cons.2 (Or.inl h)))
        · exact (w.whole f).2 (Or.inl h)
      · exact (w.whole f).2 (Or.inr (mem_tail e h))
  · intro f hf g hg
    rcases List.mem_cons.1 hf with h | h
    · rw [h]
      exact r.1 g hg
    · exact w.apart f h g (mem_tail e hg)
  · show (∀ g, g ∈ before → Earlier g e) ∧ Descending before
    exact ⟨fun g hg => w.apart g hg e (mem_head e rest), w.descending⟩

theorem walked_start (b : Batch) (fits : HashFits b) : Walked b [] (distinct b) := by
  refine Walked.mk ?_ ?_ True.intro (distinct_rising b)
  · intro e
    constructor
    · intro h
      exact Or.inr ((distinct_events b fits e).2 h)
    · intro h
      rcases h with h | h
      · exact nowhere h
      · exact (distinct_events b fits e).1 h
  · intro f hf
    exact nowhere hf

/-- Nothing found: no event of what was left anchors a violation. -/
theorem walk_none (s : State) (b : Batch) (es : List Event) (all : EventsOf b es) (fits : HashFits b) :
    ∀ rest before : List Event, Walked b before rest → walk s b es rest before = none →
      ∀ p e, e ∈ rest → ¬ Violates s b p e := by
  intro rest
  induction rest with
  | nil =>
    intro before _ _ p e he
    exact nowhere he
  | cons a rest ih =>
    intro before w h p e he
    have st : Stands b before a := walked_stands b before a rest w
    rw [walk_cons s b es rest before a] at h
    rcases none_or (firstOf (breaks s b es before a) catalog) with c | c
    · rw [c, named_none] at h
      rcases List.mem_cons.1 he with same | he
      · intro v
        rw [same] at v
        exact firstOf_none (breaks s b es before a) catalog c p (catalog_whole p)
          ((breaks_iff s b es before a all fits st p).2 v)
      · exact ih (a :: before) (walked_on b before a rest w) h p e he
    · rcases c with ⟨q, c⟩
      rw [c, named_some] at h
      cases h

/-- What is found is the first violation, where there was none before. -/
theorem walk_some (s : State) (b : Batch) (es : List Event) (all : EventsOf b es) (fits : HashFits b) :
    ∀ rest before : List Event, Walked b before rest → (∀ q f, f ∈ before → ¬ Violates s b q f) →
      ∀ p e, walk s b es rest before = some (p, e) → First s b p e := by
  intro rest
  induction rest with
  | nil =>
    intro before _ _ p e h
    have h' : (none : Option (Predicate × Event)) = some (p, e) := h
    cases h'
  | cons a rest ih =>
    intro before w clean p e h
    have st : Stands b before a := walked_stands b before a rest w
    have r : (∀ g, g ∈ rest → Earlier a g) ∧ Rising rest := w.rising
    rw [walk_cons s b es rest before a] at h
    rcases none_or (firstOf (breaks s b es before a) catalog) with c | c
    · rw [c, named_none] at h
      refine ih (a :: before) (walked_on b before a rest w) ?_ p e h
      intro q f hf v
      rcases List.mem_cons.1 hf with same | hf
      · rw [same] at v
        exact firstOf_none (breaks s b es before a) catalog c q (catalog_whole q)
          ((breaks_iff s b es before a all fits st q).2 v)
      · exact clean q f hf v
    · rcases c with ⟨q, c⟩
      rw [c, named_some] at h
      have pair : (q, a) = (p, e) := Option.some.inj h
      have f1 := congrArg Prod.fst pair
      have f2 := congrArg Prod.snd pair
      have qp : q = p := f1
      have ae : a = e := f2
      rw [← qp, ← ae]
      have found := found_least (breaks s b es before a) catalog 0 catalog_ranked q c
      refine ⟨(breaks_iff s b es before a all fits st q).1 found.1, ?_⟩
      intro q' f v
      rcases (w.whole f).1 (anchor_in_batch s b q' f v) with hf | hf
      · exact absurd v (clean q' f hf)
      · rcases List.mem_cons.1 hf with same | hf
        · rw [same] at v
          exact Or.inr ⟨same.symm,
            found.2 q' (catalog_whole q') ((breaks_iff s b es before a all fits st q').2 v)⟩
        · exact Or.inl (r.1 f hf)

end Omega
