import Omega.Agreeing

/-!
Parts of a batch: what they are, what closes them, what they cannot have more of than the whole; and that the first of two
merges where the whole does.
-/

namespace Omega

/-- Each log of `a` is a part of a log of `b`, and different logs are parts of different ones. -/
def PartOf (a b : List (List Occurrence)) : Prop :=
  ∃ f : Nat → Nat, (∀ i j, f i = f j → i = j) ∧
    ∀ i l, nth a i = some l → ∃ m rest, nth b (f i) = some m ∧ Perm (l ++ rest) m

/-- Closed under deps and stream predecessors: of an event of the part, what it depends on and what comes before it in its
stream is in the part or was accepted before, as far as it is in the batch at all. -/
def ClosedIn (s : State) (a b : List (List Occurrence)) : Prop := ∀ e, InBatch a e →
  (∀ d, d ∈ e.deps → IdInBatch b d → IdInBatch a d ∨ IdInState s d) ∧
    ∀ f, InBatch b f → SameStream f e → ¬ CausalOnly e → Earlier f e → InBatch a f ∨ Known s f

/-- Of `b`, `a` is one part and `c` the other. -/
structure TwoParts (s : State) (b a c : List (List Occurrence)) : Prop where
  first : PartOf a b
  second : PartOf c b
  cover : ∀ e, InBatch b e → InBatch a e ∨ InBatch c e
  closed : ClosedIn s a b

/-- A state's frontiers are events that it accepted. -/
def Sound (s : State) : Prop := ∀ k f, frontierAt s k = some f → accepted s f.id = some (f.lamport, f.hash)

/-- A batch that merges, cut in two. -/
structure Cut (s : State) (b a c : List (List Occurrence)) : Prop where
  fits : HashFits b
  sound : Sound s
  parts : TwoParts s b a c
  agrees : Agrees s b

theorem sameStream_symm (e f : Event) (h : SameStream e f) : SameStream f e := ⟨h.1.symm, h.2.symm⟩

theorem sameStream_trans (e f g : Event) (h : SameStream e f) (h' : SameStream f g) : SameStream e g :=
  ⟨h.1.trans h'.1, h.2.trans h'.2⟩

theorem causal_same (e f : Event) (h : SameStream e f) (judged : ¬ CausalOnly f) : ¬ CausalOnly e := by
  intro c
  have c' : firstCausalOnly ≤ e.stream := c
  rw [h.2] at c'
  exact judged c'

/-! ### What a part has, the whole has -/

theorem part_occurrence {a b : List (List Occurrence)} (part : PartOf a b) (o : Occurrence) (h : o ∈ occurrences a) :
    o ∈ occurrences b := by
  rcases part with ⟨f, _, logs⟩
  rcases (mem_occurrences o a).1 h with ⟨l, hl, ol⟩
  rcases nth_of_mem l a hl with ⟨i, hi⟩
  rcases logs i l hi with ⟨m, rest, hm, p⟩
  exact (mem_occurrences o b).2 ⟨m, mem_of_nth m b (f i) hm, perm_mem p o (List.mem_append.2 (Or.inl ol))⟩

theorem part_event {a b : List (List Occurrence)} (part : PartOf a b) (e : Event) (h : InBatch a e) : InBatch b e := by
  rcases (inBatch_iff a e).1 h with ⟨o, ho, oe⟩
  exact (inBatch_iff b e).2 ⟨o, part_occurrence part o ho, oe⟩

theorem part_fits {a b : List (List Occurrence)} (part : PartOf a b) (fits : HashFits b) : HashFits a :=
  fun e f he hf same => fits e f (part_event part e he) (part_event part f hf) same

theorem count_append {α : Type} (t : α → Bool) (m : List α) : ∀ l : List α, count t l ≤ count t (l ++ m) := by
  intro l
  induction l with
  | nil => exact Nat.zero_le (count t ([] ++ m))
  | cons x l ih =>
    have e : (x :: l) ++ m = x :: (l ++ m) := rfl
    rw [e]
    by_cases c : t x = true
    · rw [count_yes t x l c, count_yes t x (l ++ m) c]
      exact Nat.succ_le_succ ih
    · rw [count_no t x l c, count_no t x (l ++ m) c]
      exact ih

theorem part_count {α : Type} (t : α → Bool) (l rest m : List α) (p : Perm (l ++ rest) m) : count t l ≤ count t m := by
  rw [← count_perm t p]
  exact count_append t rest l

theorem part_crowding {a b : List (List Occurrence)} (part : PartOf a b) (s : State) (fits : HashFits b)
    (agrees : Agrees s b) (e : Event) : ¬ Violates1002 a e := by
  intro v
  rcases v with ⟨he, l, hl, _, crowd⟩
  have here : InBatch b e := part_event part e he
  rcases part with ⟨f, _, logs⟩
  rcases nth_of_mem l a hl with ⟨i, hi⟩
  rcases logs i l hi with ⟨m, rest, hm, p⟩
  have one : heldEarlier e l ≤ heldEarlier e m :=
    part_count (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) l rest m p
  have two : held e l ≤ held e m := part_count (fun (o : Occurrence) => decide (o.event.hash = e.hash)) l rest m p
  have more : 2 ≤ heldEarlier e m + held e m := Nat.le_trans crowd (Nat.add_le_add one two)
  rcases crowding_is_a_violation b fits e m here (mem_of_nth m b (f i) hm) more with ⟨g, w⟩
  exact agrees Predicate.p1002 g w

/-- Whoever disagrees in a part, disagrees with the state: no two versions of its id are in the batch. -/
theorem part_disagreement {a b : List (List Occurrence)} (part : PartOf a b) (s t : State) (fits : HashFits b)
    (agrees : Agrees s b) (e : Event) (d : Disagrees t a e) : ∃ l h, accepted t e.id = some (l, h) ∧ h ≠ e.hash := by
  rcases d with ⟨he, why⟩
  rcases why with why | why
  · exact why
  · rcases why with ⟨f, fe, early, two⟩
    rcases two with ⟨_, j, _, m, _, hj, _, _, mf⟩
    have hf : InBatch a f := (inBatch_log a f).2 ⟨m, mem_of_nth m a j hj, mf⟩
    have same : f = e := ids_are_unique s b fits agrees f e (part_event part f hf) (part_event part e he) fe
    rw [same] at early
    exact absurd early (earlier_irreflexive e)

/-! ### The first part -/

theorem cut_before {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) (e f : Event) (he : InBatch a e)
    (causal : ¬ CausalOnly e) (hf : InBatch b f) (new : ¬ Known s f) (same : SameStream f e) (early : Earlier f e) :
    InBatch a f := by
  rcases (h.parts.closed e he).2 f hf same causal early with q | q
  · exact q
  · exact absurd q new

theorem cut_line {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) (e : Event) (line : OnLine s a e) :
    OnLine s b e :=
  ⟨part_event h.parts.first e line.1, line.2⟩

theorem frontier_in_state (s : State) (sound : Sound s) (e : Event) (f : Frontier) (h : frontierOf s e = some f) :
    IdInState s f.id := by
  have a : accepted s f.id = some (f.lamport, f.hash) := sound (streamKey e) f h
  exact ⟨f.lamport, f.hash, a⟩

/-- The next smaller of the whole is the next smaller of the first part, and is there. -/
theorem first_next_smaller {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) (e : Event) (i : Nat)
    (he : InBatch a e) (causal : ¬ CausalOnly e) (next : NextSmaller s b e i) :
    NextSmaller s a e i ∧ (IdInBatch a i ∨ IdInState s i) := by
  rcases next with next | next
  · rcases next with ⟨f, line, same, early, fi, between⟩
    have hf : InBatch a f := cut_before h e f he causal line.1 line.2.1 same early
    refine ⟨Or.inl ⟨f, ⟨hf, line.2⟩, same, early, fi, ?_⟩, Or.inl ⟨f, hf, fi⟩⟩
    intro g lg sg eg
    exact between g (cut_line h g lg) sg eg
  · rcases next with ⟨no, f, hf, fi⟩
    have there : IdInState s i := by
      rw [← fi]
      exact frontier_in_state s h.sound e f hf
    exact ⟨Or.inr ⟨fun g lg sg => no g (cut_line h g lg) sg, f, hf, fi⟩, Or.inr there⟩

theorem first_linked {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) (e : Event)
    (linked : LinkedBelow s a e) : LinkedBelow s b e := by
  rcases linked with q | q
  · exact Or.inl q
  · rcases q with ⟨f, line, same, early, fp⟩
    exact Or.inr ⟨f, cut_line h f line, same, early, fp⟩

theorem first_part_agrees {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) : Agrees s a := by
  have inside : ∀ e, InBatch a e → InBatch b e := fun e he => part_event h.parts.first e he
  intro p e v
  cases p with
  | p1002 => exact part_crowding h.parts.first s h.fits h.agrees e v
  | p3001 =>
    have v' : Violates3001 s a e := v
    rcases part_disagreement h.parts.first s s h.fits h.agrees e v'.1 with ⟨l, x, known, ne⟩
    exact ne (state_agrees s b h.fits h.agrees e l x (inside e v'.1.1) known)
  | p1001 =>
    have v' : Violates1001 s a e := v
    rcases v' with ⟨he, new, causal, why⟩
    have w : Violates1001 s b e := by
      refine ⟨inside e he, new, causal, ?_⟩
      rcases why with why | why
      · exact Or.inl why
      · rcases why with ⟨f, hf, rest⟩
        exact Or.inr ⟨f, inside f hf, rest⟩
    exact h.agrees Predicate.p1001 e w
  | p1003 =>
    have v' : Violates1003 a e := v
    have w : Violates1003 b e := ⟨inside e v'.1, v'.2⟩
    exact h.agrees Predicate.p1003 e w
  | p1004 =>
    have v' : Violates1004 s a e := v
    rcases v' with ⟨line, causal, why⟩
    rcases why with why | why
    · have w : Violates1004 s b e := ⟨cut_line h e line, causal, Or.inl ⟨why.1, first_linked h e why.2⟩⟩
      exact h.agrees Predicate.p1004 e w
    · rcases why with ⟨linked, _, wrong⟩
      have next : NextSmaller s b e e.prev := links_hold s b h.fits h.agrees e (cut_line h e line) causal linked
      rcases first_next_smaller h e e.prev line.1 causal next with ⟨next', there⟩
      rcases wrong with wrong | wrong
      · have gap : ¬ IdInBatch a e.prev ∧ ¬ IdInState s e.prev := wrong
        rcases there with t | t
        · exact gap.1 t
        · exact gap.2 t
      · exact wrong next'
  | p2001 =>
    have v' : Violates2001 a e := v
    rcases v' with ⟨o, x, ho, rest⟩
    have w : Violates2001 b e := ⟨o, x, part_occurrence h.parts.first o ho, rest⟩
    exact h.agrees Predicate.p2001 e w
  | p2002 =>
    have v' : Violates2002 s a e := v
    rcases v' with ⟨he, new, d, hd, absent, unknown⟩
    have w : Violates2002 s b e := by
      refine ⟨inside e he, new, d, hd, ?_, unknown⟩
      intro there
      rcases (h.parts.closed e he).1 d hd there with q | q
      · exact absent q
      · exact unknown q
    exact h.agrees Predicate.p2002 e w
  | p2003 =>
    have v' : Violates2003 s a e := v
    rcases v' with ⟨he, new, d, hd, why⟩
    have w : Violates2003 s b e := by
      refine ⟨inside e he, new, d, hd, ?_⟩
      rcases why with why | why
      · rcases why with ⟨f, hf, rest⟩
        exact Or.inl ⟨f, inside f hf, rest⟩
      · exact Or.inr why
    exact h.agrees Predicate.p2003 e w
  | p3002 =>
    have v' : Violates3002 s a e := v
    rcases v' with ⟨he, claims, follows, f, hf, rest⟩
    have w : Violates3002 s b e := ⟨inside e he, claims, follows, f, inside f hf, rest⟩
    exact h.agrees Predicate.p3002 e w

end Omega
