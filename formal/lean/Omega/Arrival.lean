import Omega.Rearrange

/-!
What a rearranged batch violates, and what comes of it: the same.
-/

namespace Omega

/-- What of one batch is found in the other. -/
structure Alike (b c : List (List Occurrence)) : Prop where
  logs : ∀ l, l ∈ b → ∃ m, m ∈ c ∧ Perm l m
  two : ∀ e f, InTwo b e f → InTwo c e f

theorem shuffled_symm {b c : List (List Occurrence)} (s : Shuffled b c) : Shuffled c b := by
  induction s with
  | nil => exact Shuffled.nil
  | cons p _ ih => exact Shuffled.cons (perm_symm p) ih

theorem perm_refl {α : Type} (l : List α) : Perm l l := by
  induction l with
  | nil => exact Perm.nil
  | cons a l ih => exact Perm.cons a ih

theorem alike_of_perm {b c : List (List Occurrence)} (p : Perm b c) : Alike b c :=
  Alike.mk (fun l hl => ⟨l, perm_mem p l hl, perm_refl l⟩) (fun e f => inTwo_perm p e f)

theorem alike_of_shuffled {b c : List (List Occurrence)} (s : Shuffled b c) : Alike b c :=
  Alike.mk (shuffled_log s) (fun e f => inTwo_shuffled s e f)

theorem alike_trans {b c d : List (List Occurrence)} (h : Alike b c) (h' : Alike c d) : Alike b d := by
  refine Alike.mk ?_ (fun e f t => h'.two e f (h.two e f t))
  intro l hl
  rcases h.logs l hl with ⟨m, hm, p⟩
  rcases h'.logs m hm with ⟨n, hn, q⟩
  exact ⟨n, hn, Perm.trans p q⟩

theorem rearranged_alike {b c : List (List Occurrence)} (r : Rearranged b c) : Alike b c ∧ Alike c b := by
  rcases r with ⟨m, p, s⟩
  exact ⟨alike_trans (alike_of_perm p) (alike_of_shuffled s),
    alike_trans (alike_of_shuffled (shuffled_symm s)) (alike_of_perm (perm_symm p))⟩

theorem alike_occurrence {b c : List (List Occurrence)} (h : Alike b c) (o : Occurrence) (ho : o ∈ occurrences b) :
    o ∈ occurrences c := by
  rcases (mem_occurrences o b).1 ho with ⟨l, hl, hol⟩
  rcases h.logs l hl with ⟨m, hm, p⟩
  exact (mem_occurrences o c).2 ⟨m, hm, perm_mem p o hol⟩

theorem alike_event {b c : List (List Occurrence)} (h : Alike b c) (e : Event) (he : InBatch b e) : InBatch c e := by
  rcases (inBatch_iff b e).1 he with ⟨o, ho, eo⟩
  exact (inBatch_iff c e).2 ⟨o, alike_occurrence h o ho, eo⟩

theorem alike_disagrees {b c : List (List Occurrence)} (s : State) (h : Alike b c) (e : Event)
    (d : Disagrees s b e) : Disagrees s c e := by
  rcases d with ⟨he, why⟩
  refine ⟨alike_event h e he, ?_⟩
  rcases why with why | why
  · exact Or.inl why
  · rcases why with ⟨f, fi, fe, two⟩
    exact Or.inr ⟨f, fi, fe, h.two e f two⟩

theorem alike_crowded {b c : List (List Occurrence)} (h : Alike b c) (e : Event) (v : Violates1002 b e) :
    Violates1002 c e := by
  rcases v with ⟨he, l, hl, few, many⟩
  rcases h.logs l hl with ⟨m, hm, p⟩
  have one : heldEarlier e l = heldEarlier e m :=
    count_perm (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) p
  have two : held e l = held e m := count_perm (fun (o : Occurrence) => decide (o.event.hash = e.hash)) p
  rw [one] at few
  rw [one, two] at many
  exact ⟨alike_event h e he, m, hm, few, many⟩

theorem alike_payload {b c : List (List Occurrence)} (h : Alike b c) (e : Event) (v : Violates2001 b e) :
    Violates2001 c e := by
  rcases v with ⟨o, x, ho, rest⟩
  exact ⟨o, x, alike_occurrence h o ho, rest⟩

/-- Both ways. -/
def Same (b c : List (List Occurrence)) : Prop := Alike b c ∧ Alike c b

theorem same_events {b c : List (List Occurrence)} (h : Same b c) : InBatch b = InBatch c :=
  funext (fun e => propext (Iff.intro (alike_event h.1 e) (alike_event h.2 e)))

theorem same_disagreements {b c : List (List Occurrence)} (s : State) (h : Same b c) : Disagrees s b = Disagrees s c :=
  funext (fun e => propext (Iff.intro (alike_disagrees s h.1 e) (alike_disagrees s h.2 e)))

theorem same_line {b c : List (List Occurrence)} (s : State) (h : Same b c) : OnLine s b = OnLine s c := by
  apply funext
  intro e
  unfold OnLine
  rw [same_events h]

theorem same_violations {b c : List (List Occurrence)} (s : State) (h : Same b c) (p : Predicate) (e : Event) :
    Violates s b p e ↔ Violates s c p e := by
  have ev := same_events h
  have line := same_line s h
  have dis := same_disagreements s h
  cases p with
  | p1002 =>
    show Violates1002 b e ↔ Violates1002 c e
    exact Iff.intro (alike_crowded h.1 e) (alike_crowded h.2 e)
  | p3001 =>
    show Violates3001 s b e ↔ Violates3001 s c e
    unfold Violates3001
    rw [dis]
  | p1001 =>
    show Violates1001 s b e ↔ Violates1001 s c e
    unfold Violates1001
    rw [ev]
  | p1003 =>
    show Violates1003 b e ↔ Violates1003 c e
    unfold Violates1003
    rw [ev]
  | p1004 =>
    show Violates1004 s b e ↔ Violates1004 s c e
    unfold Violates1004 Gap LinkedBelow SeveralVersions NextSmaller IdInBatch
    rw [line, ev]
  | p2001 =>
    show Violates2001 b e ↔ Violates2001 c e
    exact Iff.intro (alike_payload h.1 e) (alike_payload h.2 e)
  | p2002 =>
    show Violates2002 s b e ↔ Violates2002 s c e
    unfold Violates2002 IdInBatch
    rw [ev]
  | p2003 =>
    show Violates2003 s b e ↔ Violates2003 s c e
    unfold Violates2003
    rw [ev]
  | p3002 =>
    show Violates3002 s b e ↔ Violates3002 s c e
    unfold Violates3002
    rw [ev]

theorem same_distinct {b c : List (List Occurrence)} (h : Same b c) (fits : HashFits b) (fits' : HashFits c) :
    distinct b = distinct c := by
  apply rising_unique (distinct b) (distinct c) (distinct_rising b) (distinct_rising c)
  intro e
  constructor
  · intro he
    exact (distinct_events c fits' e).2 (alike_event h.1 e ((distinct_events b fits e).1 he))
  · intro he
    exact (distinct_events b fits e).2 (alike_event h.2 e ((distinct_events c fits' e).1 he))

/-- Verdict, predicate, anchor and next state: all stay. -/
theorem reconcile_forgets_arrival (s : State) (b c : Batch) (fits : HashFits b) (r : Rearranged b c) :
    reconcile s b = reconcile s c := by
  have h : Same b c := rearranged_alike r
  have fits' : HashFits c := by
    intro e f he hf same
    exact fits e f (alike_event h.2 e he) (alike_event h.2 f hf) same
  rcases none_or (walk s b (distinct b) (distinct b) []) with w | w
  · have agrees : Agrees s b := (walk_from_start s b fits).1 w
    have agrees' : Agrees s c := by
      intro p e v
      exact agrees p e ((same_violations s h p e).2 v)
    have w' := (walk_from_start s c fits').2 agrees'
    rw [reconcile_none s b w, reconcile_none s c w', same_distinct h fits fits']
  · rcases w with ⟨x, w⟩
    cases x with
    | mk p e =>
      have told : reconcile s b = Verdict.obstruction p e := reconcile_some s b p e w
      have leads : First s b p e := (reports_exactly_the_first s b fits p e).1 told
      have leads' : First s c p e := by
        refine ⟨(same_violations s h p e).1 leads.1, ?_⟩
        intro q f v
        exact leads.2 q f ((same_violations s h q f).2 v)
      have told' : reconcile s c = Verdict.obstruction p e := (reports_exactly_the_first s c fits' p e).2 leads'
      rw [told, told']

end Omega
