import Omega.Afterwards
import Omega.FirstPart

/-!
What a merge leaves: the batch is known, what was accepted stays, and frontiers are events that were accepted.
-/

namespace Omega

def newOf (s : State) (b : List (List Occurrence)) : List Event := notKnown s (distinct b)

def after (s : State) (b : List (List Occurrence)) : State := acceptAll (newOf s b) s

theorem merge_is_after (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) :
    reconcile s b = Verdict.merge (after s b) :=
  reconcile_none s b ((walk_from_start s b fits).2 agrees)

theorem merged_is_after (s t : State) (b : Batch) (fits : HashFits b) (h : reconcile s b = Verdict.merge t) :
    Agrees s b ∧ t = after s b := by
  have agrees : Agrees s b := (accepts_exactly_what_agrees s b fits).1 ⟨t, h⟩
  rw [merge_is_after s b fits agrees] at h
  injection h with same
  exact ⟨agrees, same.symm⟩

theorem mem_newOf (s : State) (b : Batch) (fits : HashFits b) (e : Event) :
    e ∈ newOf s b ↔ InBatch b e ∧ ¬ Known s e := by
  have m : e ∈ newOf s b ↔ e ∈ distinct b ∧ (!isKnown s e) = true :=
    mem_keep (fun (e : Event) => !isKnown s e) e (distinct b)
  have n : (!isKnown s e) = true ↔ ¬ Known s e := notb_of (known_iff s e)
  constructor
  · intro h
    exact ⟨(distinct_events b fits e).1 (m.1 h).1, n.1 (m.1 h).2⟩
  · intro h
    exact m.2 ⟨(distinct_events b fits e).2 h.1, n.2 h.2⟩

theorem keep_rising (t : Event → Bool) : ∀ l : List Event, Rising l → Rising (keep t l) := by
  intro l
  induction l with
  | nil =>
    intro _
    exact True.intro
  | cons a l ih =>
    intro h
    have h' : (∀ g, g ∈ l → Earlier a g) ∧ Rising l := h
    by_cases c : t a = true
    · rw [keep_yes t a l c]
      show (∀ g, g ∈ keep t l → Earlier a g) ∧ Rising (keep t l)
      exact ⟨fun g hg => h'.1 g ((mem_keep t g l).1 hg).1, ih h'.2⟩
    · rw [keep_no t a l c]
      exact ih h'.2

theorem rising_idsOnce : ∀ l : List Event, Rising l → (∀ e f, e ∈ l → f ∈ l → e.id = f.id → e = f) → IdsOnce l := by
  intro l
  induction l with
  | nil =>
    intro _ _
    exact True.intro
  | cons a l ih =>
    intro h unique
    have h' : (∀ g, g ∈ l → Earlier a g) ∧ Rising l := h
    show (∀ x, x ∈ l → ¬ x.id = a.id) ∧ IdsOnce l
    refine ⟨?_, ih h'.2 (fun e f he hf => unique e f (mem_tail a he) (mem_tail a hf))⟩
    intro x hx same
    have early : Earlier a x := h'.1 x hx
    rw [unique x a (mem_tail a hx) (mem_head a l) same] at early
    exact earlier_irreflexive a early

theorem newOf_rising (s : State) (b : List (List Occurrence)) : Rising (newOf s b) :=
  keep_rising (fun (e : Event) => !isKnown s e) (distinct b) (distinct_rising b)

theorem newOf_idsOnce (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) : IdsOnce (newOf s b) :=
  rising_idsOnce (newOf s b) (newOf_rising s b) (fun e f he hf same =>
    ids_are_unique s b fits agrees e f ((mem_newOf s b fits e).1 he).1 ((mem_newOf s b fits f).1 hf).1 same)

/-- An id of the state afterwards is of an event that was new, or of the state before. -/
theorem accepted_after (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (i : Nat) :
    (∃ g, g ∈ newOf s b ∧ g.id = i ∧ accepted (after s b) i = some (g.lamport, g.hash)) ∨
      ((∀ g, g ∈ newOf s b → ¬ g.id = i) ∧ accepted (after s b) i = accepted s i) := by
  rcases Classical.em (∃ g, g ∈ newOf s b ∧ g.id = i) with h | h
  · rcases h with ⟨g, hg, gi⟩
    refine Or.inl ⟨g, hg, gi, ?_⟩
    rw [← gi]
    exact accepted_new (newOf s b) s g (newOf_idsOnce s b fits agrees) hg
  · have no : ∀ g, g ∈ newOf s b → ¬ g.id = i := fun g hg gi => h ⟨g, hg, gi⟩
    exact Or.inr ⟨no, accepted_old (newOf s b) s i no⟩

theorem batch_is_known (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (e : Event)
    (he : InBatch b e) : Known (after s b) e := by
  rcases accepted_after s b fits agrees e.id with h | h
  · rcases h with ⟨g, hg, ge, a⟩
    have same : g = e := ids_are_unique s b fits agrees g e ((mem_newOf s b fits g).1 hg).1 he ge
    rw [same] at a
    exact ⟨e.lamport, a⟩
  · rcases Classical.em (Known s e) with known | new
    · rcases known with ⟨l, a⟩
      exact ⟨l, h.2.trans a⟩
    · exact absurd rfl (h.1 e ((mem_newOf s b fits e).2 ⟨he, new⟩))

theorem accepted_stays (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (i l x : Nat)
    (a : accepted s i = some (l, x)) : accepted (after s b) i = some (l, x) := by
  rcases accepted_after s b fits agrees i with h | h
  · rcases h with ⟨g, hg, gi, _⟩
    have m : InBatch b g ∧ ¬ Known s g := (mem_newOf s b fits g).1 hg
    rw [← gi] at a
    have same : x = g.hash := state_agrees s b fits agrees g l x m.1 a
    rw [same] at a
    exact absurd ⟨l, a⟩ m.2
  · exact h.2.trans a

theorem known_stays (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (e : Event) (h : Known s e) :
    Known (after s b) e := by
  rcases h with ⟨l, a⟩
  exact ⟨l, accepted_stays s b fits agrees e.id l e.hash a⟩

theorem still_accepted (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (i : Nat)
    (h : IdInState s i) : IdInState (after s b) i := by
  rcases h with ⟨l, x, a⟩
  exact ⟨l, x, accepted_stays s b fits agrees i l x a⟩

theorem merged_is_sound (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (sound : Sound s) :
    Sound (after s b) := by
  intro k f hf
  have came : Came s (newOf s b) k f := frontier_from (newOf s b) s k f hf
  rcases came.source with q | q
  · rcases q with ⟨g, hg, fl, fi, fh⟩
    rw [fl, fi, fh]
    exact accepted_stays s b fits agrees g.id g.lamport g.hash (sound k g hg)
  · rcases q with ⟨e, he, _, fl, fi, fh⟩
    rw [fl, fi, fh]
    exact accepted_new (newOf s b) s e (newOf_idsOnce s b fits agrees) he

theorem genesis_is_sound : Sound genesis := by
  intro k f hf
  have hf' : (none : Option Frontier) = some f := hf
  cases hf'

theorem sameStream_of_key (e f : Event) (h : streamKey e = streamKey f) : SameStream e f := by
  have f1 := congrArg Prod.fst h
  have f2 := congrArg Prod.snd h
  exact ⟨f1, f2⟩

theorem key_of_sameStream (e f : Event) (h : SameStream e f) : streamKey e = streamKey f := by
  show (e.node, e.stream) = (f.node, f.stream)
  rw [h.1, h.2]

end Omega
