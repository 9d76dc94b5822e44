import Omega.Arrival
import Omega.States

/-!
What is true of a batch in which nothing is violated: ids are unique, also against the prior state.
-/

namespace Omega

/-! ### Of the events of a batch that have a property, one comes first and one last -/

theorem least (P : Event → Prop) : ∀ l : List Event, Rising l → (∃ x, x ∈ l ∧ P x) →
    ∃ x, x ∈ l ∧ P x ∧ ∀ y, y ∈ l → P y → ¬ Earlier y x := by
  intro l
  induction l with
  | nil =>
    intro _ h
    rcases h with ⟨x, hx, _⟩
    exact nowhere hx
  | cons a l ih =>
    intro rising h
    have r : (∀ b, b ∈ l → Earlier a b) ∧ Rising l := rising
    rcases Classical.em (P a) with pa | na
    · refine ⟨a, mem_head a l, pa, ?_⟩
      intro y hy _
      rcases List.mem_cons.1 hy with same | hy
      · rw [same]
        exact earlier_irreflexive a
      · exact earlier_asymmetric a y (r.1 y hy)
    · have inside : ∃ x, x ∈ l ∧ P x := by
        rcases h with ⟨x, hx, px⟩
        rcases List.mem_cons.1 hx with same | hx
        · rw [same] at px
          exact absurd px na
        · exact ⟨x, hx, px⟩
      rcases ih r.2 inside with ⟨x, hx, px, first⟩
      refine ⟨x, mem_tail a hx, px, ?_⟩
      intro y hy py
      rcases List.mem_cons.1 hy with same | hy
      · rw [same] at py
        exact absurd py na
      · exact first y hy py

theorem greatest (P : Event → Prop) : ∀ l : List Event, Rising l → (∃ x, x ∈ l ∧ P x) →
    ∃ x, x ∈ l ∧ P x ∧ ∀ y, y ∈ l → P y → ¬ Earlier x y := by
  intro l
  induction l with
  | nil =>
    intro _ h
    rcases h with ⟨x, hx, _⟩
    exact nowhere hx
  | cons a l ih =>
    intro rising h
    have r : (∀ b, b ∈ l → Earlier a b) ∧ Rising l := rising
    rcases Classical.em (∃ x, x ∈ l ∧ P x) with later | empty
    · rcases ih r.2 later with ⟨x, hx, px, last⟩
      refine ⟨x, mem_tail a hx, px, ?_⟩
      intro y hy py
      rcases List.mem_cons.1 hy with same | hy
      · rw [same]
        exact earlier_asymmetric a x (r.1 x hx)
      · exact last y hy py
    · have pa : P a := by
        rcases h with ⟨x, hx, px⟩
        rcases List.mem_cons.1 hx with same | hx
        · rw [same] at px
          exact px
        · exact False.elim (empty ⟨x, hx, px⟩)
      refine ⟨a, mem_head a l, pa, ?_⟩
      intro y hy py
      rcases List.mem_cons.1 hy with same | hy
      · rw [same]
        exact earlier_irreflexive a
      · exact False.elim (empty ⟨y, hy, py⟩)

theorem least_in (b : Batch) (fits : HashFits b) (P : Event → Prop) (h : ∃ x, InBatch b x ∧ P x) :
    ∃ x, InBatch b x ∧ P x ∧ ∀ y, InBatch b y → P y → ¬ Earlier y x := by
  rcases h with ⟨x, hx, px⟩
  rcases least P (distinct b) (distinct_rising b) ⟨x, (distinct_events b fits x).2 hx, px⟩ with ⟨z, hz, pz, first⟩
  exact ⟨z, (distinct_events b fits z).1 hz, pz, fun y hy py => first y ((distinct_events b fits y).2 hy) py⟩

theorem greatest_in (b : Batch) (fits : HashFits b) (P : Event → Prop) (h : ∃ x, InBatch b x ∧ P x) :
    ∃ x, InBatch b x ∧ P x ∧ ∀ y, InBatch b y → P y → ¬ Earlier x y := by
  rcases h with ⟨x, hx, px⟩
  rcases greatest P (distinct b) (distinct_rising b) ⟨x, (distinct_events b fits x).2 hx, px⟩ with ⟨z, hz, pz, last⟩
  exact ⟨z, (distinct_events b fits z).1 hz, pz, fun y hy py => last y ((distinct_events b fits y).2 hy) py⟩

theorem earlier_total_in_batch (b : Batch) (fits : HashFits b) (e f : Event) (he : InBatch b e) (hf : InBatch b f) :
    Earlier e f ∨ e = f ∨ Earlier f e := by
  rcases earlier_total e f with h | h | h
  · exact Or.inl h
  · exact Or.inr (Or.inl (fits e f he hf h))
  · exact Or.inr (Or.inr h)

/-! ### Whoever is in the wrong, somebody is the first to be -/

/-- Whoever disagrees, somebody is the first of its id to do so. -/
theorem disagreement_is_a_violation (s : State) (b : Batch) (fits : HashFits b) (e : Event) (d : Disagrees s b e) :
    ∃ f, Violates3001 s b f := by
  rcases least_in b fits (fun x => Disagrees s b x ∧ x.id = e.id) ⟨e, d.1, d, rfl⟩ with ⟨f, _, pf, first⟩
  have df : Disagrees s b f := pf.1
  have fe : f.id = e.id := pf.2
  refine ⟨f, df, ?_⟩
  intro g dg gf
  exact first g dg.1 ⟨dg, gf.trans fe⟩

theorem count_le_sum {α : Type} (t u v : α → Bool) : ∀ l : List α,
    (∀ a, a ∈ l → t a = true → u a = true ∨ v a = true) → count t l ≤ count u l + count v l := by
  intro l
  induction l with
  | nil =>
    intro _
    exact Nat.zero_le (count u [] + count v [])
  | cons a l ih =>
    intro h
    have rest : count t l ≤ count u l + count v l := ih (fun x hx => h x (mem_tail a hx))
    have here : t a = true → u a = true ∨ v a = true := h a (mem_head a l)
    by_cases cu : u a = true
    · have eu : count u (a :: l) = count u l + 1 := count_yes u a l cu
      have lv : count v l ≤ count v (a :: l) := by
        by_cases cv : v a = true
        · rw [count_yes v a l cv]
          exact Nat.le_succ (count v l)
        · exact Nat.le_of_eq (count_no v a l cv).symm
      have lt : count t (a :: l) ≤ count t l + 1 := by
        by_cases ct : t a = true
        · exact Nat.le_of_eq (count_yes t a l ct)
        · rw [count_no t a l ct]
          exact Nat.le_succ (count t l)
      omega
    · have eu : count u (a :: l) = count u l := count_no u a l cu
      by_cases cv : v a = true
      · have ev : count v (a :: l) = count v l + 1 := count_yes v a l cv
        have lt : count t (a :: l) ≤ count t l + 1 := by
          by_cases ct : t a = true
          · exact Nat.le_of_eq (count_yes t a l ct)
          · rw [count_no t a l ct]
            exact Nat.le_succ (count t l)
        omega
      · have ev : count v (a :: l) = count v l := count_no v a l cv
        have ct : ¬ t a = true := by
          intro yes
          rcases here yes with c | c
          · exact cu c
          · exact cv c
        have et : count t (a :: l) = count t l := count_no t a l ct
        omega

theorem some_counted {α : Type} (t : α → Bool) (a : α) : ∀ l : List α, a ∈ l → t a = true → 0 < count t l := by
  intro l
  induction l with
  | nil =>
    intro ha _
    exact nowhere ha
  | cons x l ih =>
    intro ha ta
    by_cases c : t x = true
    · rw [count_yes t x l c]
      exact Nat.succ_pos (count t l)
    · rw [count_no t x l c]
      rcases List.mem_cons.1 ha with same | ha
      · rw [same] at ta
        exact absurd ta c
      · exact ih ha ta

theorem counted_some {α : Type} (t : α → Bool) : ∀ l : List α, 0 < count t l → ∃ a, a ∈ l ∧ t a = true := by
  intro l
  induction l with
  | nil =>
    intro h
    have h' : 0 < 0 := h
    exact absurd h' (Nat.lt_irrefl 0)
  | cons x l ih =>
    intro h
    by_cases c : t x = true
    · exact ⟨x, mem_head x l, c⟩
    · rw [count_no t x l c] at h
      rcases ih h with ⟨a, ha, ta⟩
      exact ⟨a, mem_tail x ha, ta⟩

/-- An earlier version of the id, as the counting asks for it. -/
theorem earlierVersion_iff (x : Event) (o : Occurrence) :
    (decide (o.event.id = x.id) && earlier o.event x) = true ↔ o.event.id = x.id ∧ Earlier o.event x :=
  andb_of (decide_iff (o.event.id = x.id)) Iff.rfl

/-- What stands before a version of an id, stands before an earlier one or is that one. -/
theorem heldEarlier_le (b : Batch) (fits : HashFits b) (l : List Occurrence) (hl : l ∈ b) (x y : Event)
    (hy : InBatch b y) (yx : y.id = x.id)
    (last : ∀ z, InBatch b z → Holds l z → z.id = x.id → Earlier z x → ¬ Earlier y z) :
    heldEarlier x l ≤ heldEarlier y l + held y l := by
  refine count_le_sum (fun (o : Occurrence) => decide (o.event.id = x.id) && earlier o.event x)
    (fun (o : Occurrence) => decide (o.event.id = y.id) && earlier o.event y)
    (fun (o : Occurrence) => decide (o.event.hash = y.hash)) l ?_
  intro o ho t
  have t' : o.event.id = x.id ∧ Earlier o.event x := (earlierVersion_iff x o).1 t
  have here : InBatch b o.event := in_log b l o hl ho
  rcases earlier_total_in_batch b fits o.event y here hy with h | h | h
  · exact Or.inl ((earlierVersion_iff y o).2 ⟨t'.1.trans yx.symm, h⟩)
  · refine Or.inr ?_
    have same : o.event.hash = y.hash := by rw [h]
    exact decide_eq_true same
  · exact absurd h (last o.event here ⟨o, ho, rfl⟩ t'.1 t'.2)

/-- Whoever is not the first occurrence of its id in a log, some occurrence there is the second. -/
theorem crowding_is_a_violation (b : Batch) (fits : HashFits b) (e : Event) (l : List Occurrence) (he : InBatch b e)
    (hl : l ∈ b) (crowd : 2 ≤ heldEarlier e l + held e l) : ∃ f, Violates1002 b f := by
  rcases least_in b fits (fun x => x.id = e.id ∧ 2 ≤ heldEarlier x l + held x l) ⟨e, he, rfl, crowd⟩ with
    ⟨x, hx, px, first⟩
  have xe : x.id = e.id := px.1
  have cx : 2 ≤ heldEarlier x l + held x l := px.2
  refine ⟨x, hx, l, hl, ?_, cx⟩
  by_cases few : heldEarlier x l < 2
  · exact few
  · have many : 2 ≤ heldEarlier x l := Nat.not_lt.1 few
    have pos : 0 < heldEarlier x l := Nat.lt_of_lt_of_le (Nat.succ_pos 1) many
    rcases counted_some (fun (o : Occurrence) => decide (o.event.id = x.id) && earlier o.event x) l pos with ⟨o, ho, t⟩
    have t' : o.event.id = x.id ∧ Earlier o.event x := (earlierVersion_iff x o).1 t
    rcases greatest_in b fits (fun y => Holds l y ∧ y.id = x.id ∧ Earlier y x)
      ⟨o.event, in_log b l o hl ho, ⟨o, ho, rfl⟩, t'.1, t'.2⟩ with ⟨y, hy, py, last⟩
    have yx : y.id = x.id := py.2.1
    have early : Earlier y x := py.2.2
    have le : heldEarlier x l ≤ heldEarlier y l + held y l :=
      heldEarlier_le b fits l hl x y hy yx (fun z hz holds zx zearly => last z hz ⟨holds, zx, zearly⟩)
    exact absurd early (first y hy ⟨yx.trans xe, Nat.le_trans many le⟩)

/-! ### Where nothing is violated -/

theorem holds_of (b : Batch) (e : Event) (h : InBatch b e) : ∃ i l, nth b i = some l ∧ Holds l e := by
  rcases (inBatch_log b e).1 h with ⟨l, hl, he⟩
  rcases nth_of_mem l b hl with ⟨i, hi⟩
  exact ⟨i, l, hi, he⟩

theorem held_pos (e : Event) (l : List Occurrence) (h : Holds l e) : 0 < held e l := by
  rcases h with ⟨o, ho, oe⟩
  have same : o.event.hash = e.hash := by rw [oe]
  exact some_counted (fun (o : Occurrence) => decide (o.event.hash = e.hash)) o l ho (decide_eq_true same)

theorem heldEarlier_pos (e f : Event) (l : List Occurrence) (h : Holds l f) (same : f.id = e.id) (early : Earlier f e) :
    0 < heldEarlier e l := by
  rcases h with ⟨o, ho, oe⟩
  rw [← oe] at same early
  exact some_counted (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) o l ho
    ((earlierVersion_iff e o).2 ⟨same, early⟩)

theorem no_earlier_version (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (e f : Event)
    (he : InBatch b e) (hf : InBatch b f) (same : e.id = f.id) : ¬ Earlier e f := by
  intro early
  rcases holds_of b e he with ⟨i, l, hi, le⟩
  rcases holds_of b f hf with ⟨j, m, hj, mf⟩
  by_cases c : i = j
  · rw [c, hj] at hi
    have ml : m = l := Option.some.inj hi
    rw [← ml] at le
    have one : 0 < heldEarlier f m := heldEarlier_pos f e m le same early
    have two : 0 < held f m := held_pos f m mf
    have crowd : 2 ≤ heldEarlier f m + held f m := by omega
    rcases crowding_is_a_violation b fits f m hf (mem_of_nth m b j hj) crowd with ⟨g, v⟩
    exact agrees Predicate.p1002 g v
  · have d : Disagrees s b f :=
      ⟨hf, Or.inr ⟨e, same, early, j, i, m, l, hj, hi, fun ji => c ji.symm, mf, le⟩⟩
    rcases disagreement_is_a_violation s b fits f d with ⟨g, v⟩
    exact agrees Predicate.p3001 g v

theorem ids_are_unique (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (e f : Event)
    (he : InBatch b e) (hf : InBatch b f) (same : e.id = f.id) : e = f := by
  rcases earlier_total_in_batch b fits e f he hf with h | h | h
  · exact absurd h (no_earlier_version s b fits agrees e f he hf same)
  · exact h
  · exact absurd h (no_earlier_version s b fits agrees f e hf he same.symm)

theorem state_agrees (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (e : Event) (l h : Nat)
    (he : InBatch b e) (a : accepted s e.id = some (l, h)) : h = e.hash := by
  by_cases c : h = e.hash
  · exact c
  · rcases disagreement_is_a_violation s b fits e ⟨he, Or.inl ⟨l, h, a, c⟩⟩ with ⟨g, v⟩
    exact absurd v (agrees Predicate.p3001 g)

theorem no_several_versions (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (i : Nat) :
    ¬ SeveralVersions s b i := by
  intro v
  rcases v with ⟨e, he, ei, why⟩
  rcases why with why | why
  · rcases why with ⟨f, hf, fi, ne⟩
    exact ne (ids_are_unique s b fits agrees f e hf he (fi.trans ei.symm))
  · rcases why with ⟨l, h, a, ne⟩
    rw [← ei] at a
    exact ne (state_agrees s b fits agrees e l h he a)

theorem above_where_judged (s : State) (b : Batch) (agrees : Agrees s b) (e : Event) (he : InBatch b e)
    (new : ¬ Known s e) (causal : ¬ CausalOnly e) : AboveFrontier s e := by
  rcases Classical.em (AboveFrontier s e) with above | below
  · exact above
  · have v : Violates1001 s b e := ⟨he, new, causal, Or.inl below⟩
    exact absurd v (agrees Predicate.p1001 e)

theorem earlier_lamport (e f : Event) (h : Earlier e f) : e.lamport < f.lamport ∨ e.lamport = f.lamport := by
  rcases (lexLt_cons e.lamport f.lamport [e.node, e.stream, e.id % idEnd, e.id, e.hash]
    [f.node, f.stream, f.id % idEnd, f.id, f.hash]).1 h with c | c
  · exact Or.inl c
  · exact Or.inr c.1

theorem lamports_differ (s : State) (b : Batch) (agrees : Agrees s b) (e f : Event) (he : InBatch b e)
    (hf : InBatch b f) (newE : ¬ Known s e) (newF : ¬ Known s f) (causal : ¬ CausalOnly f) (same : SameStream e f)
    (early : Earlier e f) : e.lamport < f.lamport := by
  rcases earlier_lamport e f early with c | c
  · exact c
  · have v : Violates1001 s b f := ⟨hf, newF, causal, Or.inr ⟨e, he, newE, same, early, c⟩⟩
    exact absurd v (agrees Predicate.p1001 f)

/-- On the line, prev names what comes before. -/
theorem links_hold (s : State) (b : Batch) (fits : HashFits b) (agrees : Agrees s b) (e : Event) (line : OnLine s b e)
    (causal : ¬ CausalOnly e) (linked : e.prev ≠ 0) : NextSmaller s b e e.prev := by
  rcases Classical.em (NextSmaller s b e e.prev) with next | wrong
  · exact next
  · have v : Violates1004 s b e :=
      ⟨line, causal, Or.inr ⟨linked, no_several_versions s b fits agrees e.prev, Or.inr wrong⟩⟩
    exact absurd v (agrees Predicate.p1004 e)

end Omega
