import Omega.Merged

/-!
A batch that merges, cut in two: what the state in between has, and what comes of the second part there.
-/

namespace Omega

variable {s : State} {b a c : List (List Occurrence)}

theorem first_in (h : Cut s b a c) (e : Event) (he : InBatch a e) : InBatch b e := part_event h.parts.first e he

theorem second_in (h : Cut s b a c) (e : Event) (he : InBatch c e) : InBatch b e := part_event h.parts.second e he

theorem first_fits (h : Cut s b a c) : HashFits a := part_fits h.parts.first h.fits

theorem second_fits (h : Cut s b a c) : HashFits c := part_fits h.parts.second h.fits

theorem cut_unique (h : Cut s b a c) (e f : Event) (he : InBatch b e) (hf : InBatch b f) (same : e.id = f.id) : e = f :=
  ids_are_unique s b h.fits h.agrees e f he hf same

theorem new_in_first (h : Cut s b a c) (e : Event) (he : e ∈ newOf s a) : InBatch a e ∧ ¬ Known s e :=
  (mem_newOf s a (first_fits h) e).1 he

theorem accepted_between (h : Cut s b a c) (i : Nat) :
    (∃ g, g ∈ newOf s a ∧ g.id = i ∧ accepted (after s a) i = some (g.lamport, g.hash)) ∨
      ((∀ g, g ∈ newOf s a → ¬ g.id = i) ∧ accepted (after s a) i = accepted s i) :=
  accepted_after s a (first_fits h) (first_part_agrees h) i

theorem known_between (h : Cut s b a c) (e : Event) (he : InBatch b e) (k : Known (after s a) e) :
    Known s e ∨ InBatch a e := by
  rcases accepted_between h e.id with q | q
  · rcases q with ⟨g, hg, ge, _⟩
    have here : InBatch a g := (new_in_first h g hg).1
    have same : g = e := cut_unique h g e (first_in h g here) he ge
    rw [same] at here
    exact Or.inr here
  · rcases k with ⟨l, x⟩
    exact Or.inl ⟨l, q.2.symm.trans x⟩

theorem first_known (h : Cut s b a c) (e : Event) (he : InBatch a e) : Known (after s a) e :=
  batch_is_known s a (first_fits h) (first_part_agrees h) e he

theorem known_still (h : Cut s b a c) (e : Event) (k : Known s e) : Known (after s a) e :=
  known_stays s a (first_fits h) (first_part_agrees h) e k

theorem accepted_still (h : Cut s b a c) (i : Nat) (k : IdInState s i) : IdInState (after s a) i :=
  still_accepted s a (first_fits h) (first_part_agrees h) i k

/-- New in the second part: neither known before nor in the first. -/
theorem new_in_second (h : Cut s b a c) (e : Event) (he : InBatch c e) (new : ¬ Known (after s a) e) :
    InBatch b e ∧ ¬ Known s e ∧ ¬ InBatch a e :=
  ⟨second_in h e he, fun k => new (known_still h e k), fun k => new (first_known h e k)⟩

/-- What the first part has of a judged stream comes before what is new in the second. -/
theorem first_before_second (h : Cut s b a c) (e g : Event) (he : InBatch b e) (new : ¬ Known s e)
    (later : ¬ InBatch a e) (causal : ¬ CausalOnly e) (hg : InBatch a g) (same : SameStream g e) : Earlier g e := by
  rcases earlier_total_in_batch b h.fits g e (first_in h g hg) he with q | q | q
  · exact q
  · rw [q] at hg
    exact absurd hg later
  · rcases (h.parts.closed g hg).2 e he (sameStream_symm g e same) (causal_same g e same causal) q with r | r
    · exact absurd r later
    · exact absurd r new

theorem new_on_line (h : Cut s b a c) (g e : Event) (hg : g ∈ newOf s a) (same : SameStream g e)
    (causal : ¬ CausalOnly e) : OnLine s b g := by
  have m : InBatch a g ∧ ¬ Known s g := new_in_first h g hg
  have here : InBatch b g := first_in h g m.1
  exact ⟨here, m.2, above_where_judged s b h.agrees g here m.2 (causal_same g e same causal)⟩

theorem above_between (h : Cut s b a c) (e : Event) (he : InBatch c e) (new : ¬ Known (after s a) e)
    (causal : ¬ CausalOnly e) : AboveFrontier (after s a) e := by
  rcases new_in_second h e he new with ⟨here, unknown, later⟩
  intro f hf
  have hf' : frontierAt (acceptAll (newOf s a) s) (streamKey e) = some f := hf
  have came : Came s (newOf s a) (streamKey e) f := frontier_from (newOf s a) s (streamKey e) f hf'
  rcases came.source with q | q
  · rcases q with ⟨g, hg, fl, _⟩
    rw [fl]
    exact above_where_judged s b h.agrees e here unknown causal g hg
  · rcases q with ⟨g, hg, key, fl, _⟩
    rw [fl]
    have m : InBatch a g ∧ ¬ Known s g := new_in_first h g hg
    have same : SameStream g e := sameStream_of_key g e key.symm
    exact lamports_differ s b h.agrees g e (first_in h g m.1) here m.2 unknown causal same
      (first_before_second h e g here unknown later causal m.1 same)

theorem line_between (h : Cut s b a c) (g e : Event) (line : OnLine (after s a) c g) (same : SameStream g e)
    (causal : ¬ CausalOnly e) : OnLine s b g ∧ ¬ InBatch a g := by
  rcases new_in_second h g line.1 line.2.1 with ⟨here, unknown, later⟩
  exact ⟨⟨here, unknown, above_where_judged s b h.agrees g here unknown (causal_same g e same causal)⟩, later⟩

/-! ### What comes before on the line -/

/-- The one before is of the first part: there it is the frontier, and nothing new comes between. -/
theorem next_was_first (h : Cut s b a c) (e f : Event) (line : OnLine (after s a) c e) (causal : ¬ CausalOnly e)
    (hf : InBatch a f) (lf : OnLine s b f) (same : SameStream f e)
    (between : ∀ g, OnLine s b g → SameStream g e → Earlier g e → ¬ Earlier f g) :
    (∀ g, OnLine (after s a) c g → SameStream g e → ¬ Earlier g e) ∧
      ∃ x, frontierOf (after s a) e = some x ∧ x.id = f.id := by
  rcases new_in_second h e line.1 line.2.1 with ⟨here, unknown, later⟩
  have causalF : ¬ CausalOnly f := causal_same f e same causal
  refine ⟨?_, ?_⟩
  · intro g lg sg eg
    rcases line_between h g e lg sg causal with ⟨lb, nb⟩
    rcases earlier_total_in_batch b h.fits f g lf.1 lb.1 with q | q | q
    · exact between g lb sg eg q
    · rw [q] at hf
      exact nb hf
    · have gf : SameStream g f := sameStream_trans g e f sg (sameStream_symm f e same)
      rcases (h.parts.closed f hf).2 g lb.1 gf causalF q with r | r
      · exact nb r
      · exact lb.2.1 r
  · have new : f ∈ newOf s a := (mem_newOf s a (first_fits h) f).2 ⟨hf, lf.2.1⟩
    have key : streamKey e = streamKey f := key_of_sameStream e f (sameStream_symm f e same)
    rcases frontier_of_accepted (newOf s a) s (streamKey e) f new key with ⟨x, hx⟩
    refine ⟨x, hx, ?_⟩
    have came : Came s (newOf s a) (streamKey e) x := frontier_from (newOf s a) s (streamKey e) x hx
    have most : ¬ lexLt [x.lamport, x.id] [f.lamport, f.id] = true := came.most f new key
    have notBelow : ¬ x.lamport < f.lamport :=
      fun lt => most ((lexLt_cons x.lamport f.lamport [x.id] [f.id]).2 (Or.inl lt))
    rcases came.source with q | q
    · rcases q with ⟨g, hg, xl, _⟩
      rw [key] at hg
      have lt : g.lamport < f.lamport := lf.2.2 g hg
      rw [← xl] at lt
      exact absurd lt notBelow
    · rcases q with ⟨g, hg, gkey, xl, xi, _⟩
      have sg : SameStream g e := sameStream_of_key g e gkey.symm
      have m : InBatch a g ∧ ¬ Known s g := new_in_first h g hg
      have gb : InBatch b g := first_in h g m.1
      rcases earlier_total_in_batch b h.fits f g lf.1 gb with r | r | r
      · exact absurd r (between g (new_on_line h g e hg sg causal) sg
          (first_before_second h e g here unknown later causal m.1 sg))
      · rw [r]
        exact xi
      · have gf : SameStream g f := sameStream_trans g e f sg (sameStream_symm f e same)
        have lt : g.lamport < f.lamport := lamports_differ s b h.agrees g f gb lf.1 m.2 lf.2.1 causalF gf r
        rw [← xl] at lt
        exact absurd lt notBelow

/-- The next smaller of the whole is the next smaller of the second part, or the frontier that the first left. -/
theorem next_smaller_between (h : Cut s b a c) (e : Event) (i : Nat) (line : OnLine (after s a) c e)
    (causal : ¬ CausalOnly e) (next : NextSmaller s b e i) :
    NextSmaller (after s a) c e i ∧ (IdInBatch c i ∨ IdInState (after s a) i) := by
  rcases new_in_second h e line.1 line.2.1 with ⟨here, unknown, later⟩
  rcases next with next | next
  · rcases next with ⟨f, lf, same, early, fi, between⟩
    rcases Classical.em (Known (after s a) f) with known | new
    · have hf : InBatch a f := by
        rcases known_between h f lf.1 known with q | q
        · exact absurd q lf.2.1
        · exact q
      rcases next_was_first h e f line causal hf lf same between with ⟨no, x, hx, xf⟩
      refine ⟨Or.inr ⟨no, x, hx, xf.trans fi⟩, Or.inr ?_⟩
      rcases known with ⟨l, k⟩
      rw [← fi]
      exact ⟨l, f.hash, k⟩
    · have hf : InBatch c f := by
        rcases h.parts.cover f lf.1 with q | q
        · exact absurd (first_known h f q) new
        · exact q
      have above : AboveFrontier (after s a) f := above_between h f hf new (causal_same f e same causal)
      refine ⟨Or.inl ⟨f, ⟨hf, new, above⟩, same, early, fi, ?_⟩, Or.inl ⟨f, hf, fi⟩⟩
      intro g lg sg eg
      exact between g (line_between h g e lg sg causal).1 sg eg
  · rcases next with ⟨no, f, hf, fi⟩
    have untouched : frontierAt (acceptAll (newOf s a) s) (streamKey e) = frontierAt s (streamKey e) := by
      refine frontier_untouched (newOf s a) s (streamKey e) ?_
      intro g hg key
      have sg : SameStream g e := sameStream_of_key g e key.symm
      exact no g (new_on_line h g e hg sg causal) sg
        (first_before_second h e g here unknown later causal (new_in_first h g hg).1 sg)
    have hf' : frontierOf (after s a) e = some f := untouched.trans hf
    refine ⟨Or.inr ⟨fun g lg sg => no g (line_between h g e lg sg causal).1 sg, f, hf', fi⟩, Or.inr ?_⟩
    rw [← fi]
    exact accepted_still h f.id (frontier_in_state s h.sound e f hf)

theorem linked_between (h : Cut s b a c) (e : Event) (line : OnLine (after s a) c e) (causal : ¬ CausalOnly e)
    (linked : LinkedBelow (after s a) c e) : LinkedBelow s b e := by
  rcases new_in_second h e line.1 line.2.1 with ⟨here, unknown, later⟩
  rcases linked with q | q
  · rcases q with ⟨f, hf, fl⟩
    have hf' : frontierAt (acceptAll (newOf s a) s) (streamKey e) = some f := hf
    have came : Came s (newOf s a) (streamKey e) f := frontier_from (newOf s a) s (streamKey e) f hf'
    rcases came.linked fl with r | r
    · rcases r with ⟨g, hg, gl⟩
      exact Or.inl ⟨g, hg, gl⟩
    · rcases r with ⟨g, hg, key, gp⟩
      have sg : SameStream g e := sameStream_of_key g e key.symm
      exact Or.inr ⟨g, new_on_line h g e hg sg causal, sg,
        first_before_second h e g here unknown later causal (new_in_first h g hg).1 sg, gp⟩
  · rcases q with ⟨f, lf, same, early, fp⟩
    exact Or.inr ⟨f, (line_between h f e lf same causal).1, same, early, fp⟩

end Omega
