import Omega.Walk

/-!
The checker accepts exactly the batches that violate nothing, and names the first violation.
-/

namespace Omega

/-- The first violation is unique. -/
theorem first_unique (s : State) (b : Batch) (p : Predicate) (e : Event) (q : Predicate) (f : Event)
    (h : First s b p e) (h' : First s b q f) : p = q ∧ e = f := by
  rcases h.2 q f h'.1 with l | l
  · rcases h'.2 p e h.1 with m | m
    · exact absurd m (earlier_asymmetric e f l)
    · rw [m.1] at l
      exact absurd l (earlier_irreflexive e)
  · rcases h'.2 p e h.1 with m | m
    · rw [l.1] at m
      exact absurd m (earlier_irreflexive f)
    · exact ⟨rank_once p q (Nat.le_antisymm l.2 m.2), l.1⟩

theorem walk_from_start (s : State) (b : Batch) (fits : HashFits b) :
    walk s b (distinct b) (distinct b) [] = none ↔ Agrees s b := by
  have all : EventsOf b (distinct b) := distinct_events b fits
  constructor
  · intro h p e v
    exact walk_none s b (distinct b) all fits (distinct b) [] (walked_start b fits) h p e
      ((all e).2 (anchor_in_batch s b p e v)) v
  · intro agrees
    rcases none_or (walk s b (distinct b) (distinct b) []) with c | c
    · exact c
    · rcases c with ⟨x, c⟩
      cases x with
      | mk p e =>
        have leads : First s b p e := walk_some s b (distinct b) all fits (distinct b) [] (walked_start b fits)
          (fun _ _ hf => nowhere hf) p e c
        exact absurd leads.1 (agrees p e)

theorem reconcile_none (s : State) (b : Batch) (h : walk s b (distinct b) (distinct b) [] = none) :
    reconcile s b = Verdict.merge (acceptAll (notKnown s (distinct b)) s) := by
  show verdict s (distinct b) (walk s b (distinct b) (distinct b) []) =
    Verdict.merge (acceptAll (notKnown s (distinct b)) s)
  have v : verdict s (distinct b) none = Verdict.merge (acceptAll (notKnown s (distinct b)) s) := rfl
  rw [h, v]

theorem reconcile_some (s : State) (b : Batch) (p : Predicate) (e : Event)
    (h : walk s b (distinct b) (distinct b) [] = some (p, e)) : reconcile s b = Verdict.obstruction p e := by
  show verdict s (distinct b) (walk s b (distinct b) (distinct b) []) = Verdict.obstruction p e
  have v : verdict s (distinct b) (some (p, e)) = Verdict.obstruction p e := rfl
  rw [h, v]

/-- The checker accepts a batch exactly where no predicate is violated. -/
theorem accepts_exactly_what_agrees (s : State) (b : Batch) (fits : HashFits b) :
    (∃ next, reconcile s b = Verdict.merge next) ↔ Agrees s b := by
  constructor
  · intro h
    rcases h with ⟨next, h⟩
    rcases none_or (walk s b (distinct b) (distinct b) []) with c | c
    · exact (walk_from_start s b fits).1 c
    · rcases c with ⟨x, c⟩
      cases x with
      | mk p e =>
        rw [reconcile_some s b p e c] at h
        cases h
  · intro h
    exact ⟨acceptAll (notKnown s (distinct b)) s, reconcile_none s b ((walk_from_start s b fits).2 h)⟩

/-- It reports a violation exactly where that one is the canonical first. -/
theorem reports_exactly_the_first (s : State) (b : Batch) (fits : HashFits b) (p : Predicate) (e : Event) :
    reconcile s b = Verdict.obstruction p e ↔ First s b p e := by
  have all : EventsOf b (distinct b) := distinct_events b fits
  rcases none_or (walk s b (distinct b) (distinct b) []) with c | c
  · constructor
    · intro h
      rw [reconcile_none s b c] at h
      cases h
    · intro leads
      exact absurd leads.1 ((walk_from_start s b fits).1 c p e)
  · rcases c with ⟨x, c⟩
    cases x with
    | mk q f =>
      have leads : First s b q f := walk_some s b (distinct b) all fits (distinct b) [] (walked_start b fits)
        (fun _ _ hf => nowhere hf) q f c
      have told : reconcile s b = Verdict.obstruction q f := reconcile_some s b q f c
      constructor
      · intro h
        rw [told] at h
        injection h with hq hf
        rw [← hq, ← hf]
        exact leads
      · intro leads'
        have same := first_unique s b p e q f leads' leads
        rw [told, same.1, same.2]

/-- Whether anything is violated is decided, and where something is, one is first. -/
theorem agrees_or_first (s : State) (b : Batch) (fits : HashFits b) : Agrees s b ∨ ∃ p e, First s b p e := by
  rcases none_or (walk s b (distinct b) (distinct b) []) with c | c
  · exact Or.inl ((walk_from_start s b fits).1 c)
  · rcases c with ⟨x, c⟩
    cases x with
    | mk p e =>
      exact Or.inr ⟨p, e, walk_some s b (distinct b) (distinct_events b fits) fits (distinct b) []
        (walked_start b fits) (fun _ _ hf => nowhere hf) p e c⟩

end Omega
