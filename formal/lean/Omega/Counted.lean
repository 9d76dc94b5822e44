import Omega.Agreeing
import Omega.Arranged
import Omega.Coverage

/-!
Coverage and verdict say the same: a batch merges exactly where no predicate counts a violation.
-/

namespace Omega

theorem count_zero {α : Type} (t : α → Bool) (l : List α) : count t l = 0 ↔ ∀ a, a ∈ l → ¬ t a = true := by
  constructor
  · intro h a ha ta
    have pos : 0 < count t l := some_counted t a l ha ta
    rw [h] at pos
    exact Nat.lt_irrefl 0 pos
  · intro h
    by_cases c : count t l = 0
    · exact c
    · have pos : 0 < count t l := by omega
      rcases counted_some t l pos with ⟨a, ha, ta⟩
      exact absurd ta (h a ha)

/-! ### The places of the walk -/

theorem places_stand (b : Batch) : ∀ rest before : List Event, Walked b before rest →
    ∀ x, x ∈ places rest before → Stands b x.1 x.2 := by
  intro rest
  induction rest with
  | nil =>
    intro before _ x hx
    have hx' : x ∈ ([] : List (List Event × Event)) := hx
    exact nowhere hx'
  | cons e rest ih =>
    intro before w x hx
    have hx' : x ∈ (before, e) :: places rest (e :: before) := hx
    rcases List.mem_cons.1 hx' with q | q
    · rw [q]
      exact walked_stands b before e rest w
    · exact ih (e :: before) (walked_on b before e rest w) x q

theorem placed : ∀ (rest before : List Event) (e : Event), e ∈ rest → ∃ x, x ∈ places rest before ∧ x.2 = e := by
  intro rest
  induction rest with
  | nil =>
    intro before e he
    exact nowhere he
  | cons a rest ih =>
    intro before e he
    rcases List.mem_cons.1 he with q | q
    · refine ⟨(before, a), ?_, q.symm⟩
      show (before, a) ∈ (before, a) :: places rest (a :: before)
      exact mem_head (before, a) (places rest (a :: before))
    · rcases ih (a :: before) e q with ⟨x, hx, xe⟩
      refine ⟨x, ?_, xe⟩
      show x ∈ (before, a) :: places rest (a :: before)
      exact mem_tail (before, a) hx

theorem breaking_zero (s : State) (b : Batch) (fits : HashFits b) (p : Predicate) :
    breaking s b (distinct b) p = 0 ↔ ∀ e, ¬ Violates s b p e := by
  have all : EventsOf b (distinct b) := distinct_events b fits
  have stand := places_stand b (distinct b) [] (walked_start b fits)
  have zero : breaking s b (distinct b) p = 0 ↔ ∀ x, x ∈ places (distinct b) [] →
      ¬ breaks s b (distinct b) x.1 x.2 p = true :=
    count_zero (fun (place : List Event × Event) => breaks s b (distinct b) place.1 place.2 p) (places (distinct b) [])
  constructor
  · intro h e v
    rcases placed (distinct b) [] e ((all e).2 (anchor_in_batch s b p e v)) with ⟨x, hx, xe⟩
    rw [← xe] at v
    exact zero.1 h x hx ((breaks_iff s b (distinct b) x.1 x.2 all fits (stand x hx) p).2 v)
  · intro h
    apply zero.2
    intro x hx t
    exact h x.2 ((breaks_iff s b (distinct b) x.1 x.2 all fits (stand x hx) p).1 t)

/-! ### Occurrences of one id in one log -/

theorem mem_occurrenceIds (i : Nat) : ∀ l : List Occurrence,
    i ∈ occurrenceIds l ↔ ∃ o, o ∈ l ∧ o.event.id = i := by
  intro l
  induction l with
  | nil =>
    constructor
    · intro h
      have h' : i ∈ ([] : List Nat) := h
      exact nowhere h'
    · intro h
      rcases h with ⟨o, ho, _⟩
      exact nowhere ho
  | cons p l ih =>
    constructor
    · intro h
      have h' : i ∈ p.event.id :: occurrenceIds l := h
      rcases List.mem_cons.1 h' with q | q
      · exact ⟨p, mem_head p l, q.symm⟩
      · rcases ih.1 q with ⟨o, ho, oi⟩
        exact ⟨o, mem_tail p ho, oi⟩
    · intro h
      rcases h with ⟨o, ho, oi⟩
      show i ∈ p.event.id :: occurrenceIds l
      rcases List.mem_cons.1 ho with q | q
      · rw [q] at oi
        exact List.mem_cons.2 (Or.inl oi.symm)
      · exact mem_tail p.event.id (ih.2 ⟨o, q, oi⟩)

theorem isThere_iff (n : Nat) (l : List Nat) : anyb (fun (m : Nat) => decide (n = m)) l = true ↔ n ∈ l := by
  have t : anyb (fun (m : Nat) => decide (n = m)) l = true ↔ ∃ m, m ∈ l ∧ n = m :=
    anyb_of (fun m => decide_iff (n = m))
  constructor
  · intro h
    rcases t.1 h with ⟨m, hm, nm⟩
    rw [nm]
    exact hm
  · intro h
    exact t.2 ⟨n, h, rfl⟩

theorem distinctNumbers_there (n : Nat) (l : List Nat) (h : anyb (fun (m : Nat) => decide (n = m)) l = true) :
    distinctNumbers (n :: l) = distinctNumbers l := by
  show (if anyb (fun (m : Nat) => decide (n = m)) l = true then distinctNumbers l else n :: distinctNumbers l) = _
  exact if_pos h

theorem distinctNumbers_new (n : Nat) (l : List Nat) (h : ¬ anyb (fun (m : Nat) => decide (n = m)) l = true) :
    distinctNumbers (n :: l) = n :: distinctNumbers l := by
  show (if anyb (fun (m : Nat) => decide (n = m)) l = true then distinctNumbers l else n :: distinctNumbers l) = _
  exact if_neg h

theorem distinctNumbers_len : ∀ l : List Nat,
    len (distinctNumbers l) ≤ len l ∧ (len (distinctNumbers l) = len l ↔ Once l) := by
  intro l
  induction l with
  | nil => exact ⟨Nat.le_refl 0, Iff.intro (fun _ => True.intro) (fun _ => rfl)⟩
  | cons n l ih =>
    have whole : len (n :: l) = len l + 1 := rfl
    by_cases c : anyb (fun (m : Nat) => decide (n = m)) l = true
    · rw [distinctNumbers_there n l c, whole]
      refine ⟨Nat.le_trans ih.1 (Nat.le_succ (len l)), ?_⟩
      constructor
      · intro h
        have le := ih.1
        rw [h] at le
        exact absurd le (Nat.not_le.2 (Nat.lt_succ_self (len l)))
      · intro o
        have o' : ¬ n ∈ l ∧ Once l := o
        exact absurd ((isThere_iff n l).1 c) o'.1
    · rw [distinctNumbers_new n l c, whole]
      have more : len (n :: distinctNumbers l) = len (distinctNumbers l) + 1 := rfl
      rw [more]
      refine ⟨Nat.succ_le_succ ih.1, ?_⟩
      constructor
      · intro h
        have same : len (distinctNumbers l) = len l := by omega
        show ¬ n ∈ l ∧ Once l
        exact ⟨fun there => c ((isThere_iff n l).2 there), ih.2.1 same⟩
      · intro o
        have o' : ¬ n ∈ l ∧ Once l := o
        rw [ih.2.2 o'.2]

theorem twice_zero (l : List Occurrence) : twiceIn l = 0 ↔ Once (occurrenceIds l) := by
  have d := distinctNumbers_len (occurrenceIds l)
  have le := d.1
  have meant : twiceIn l = len (occurrenceIds l) - len (distinctNumbers (occurrenceIds l)) := rfl
  constructor
  · intro h
    apply d.2.1
    omega
  · intro o
    have same := d.2.2 o
    omega

theorem twiceInAny_zero : ∀ b : List (List Occurrence), twiceInAny b = 0 ↔ ∀ l, l ∈ b → twiceIn l = 0 := by
  intro b
  induction b with
  | nil =>
    constructor
    · intro _ l hl
      exact nowhere hl
    · intro _
      exact rfl
  | cons m b ih =>
    have sum : twiceInAny (m :: b) = twiceIn m + twiceInAny b := rfl
    constructor
    · intro h l hl
      have one : twiceIn m = 0 := by omega
      have rest : twiceInAny b = 0 := by omega
      rcases List.mem_cons.1 hl with q | q
      · rw [q]
        exact one
      · exact ih.1 rest l q
    · intro h
      have one : twiceIn m = 0 := h m (mem_head m b)
      have rest : twiceInAny b = 0 := ih.2 (fun l hl => h l (mem_tail m hl))
      omega

/-- Where ids are unique in a log, nothing there is a second occurrence. -/
theorem unique_not_crowded (b : Batch) (fits : HashFits b) (e : Event) (he : InBatch b e) : ∀ l : List Occurrence,
    (∀ o, o ∈ l → InBatch b o.event) → Once (occurrenceIds l) → heldEarlier e l + held e l ≤ 1 := by
  intro l
  induction l with
  | nil =>
    intro _ _
    exact Nat.zero_le 1
  | cons o l ih =>
    intro inside once
    have once' : ¬ o.event.id ∈ occurrenceIds l ∧ Once (occurrenceIds l) := once
    have rest : heldEarlier e l + held e l ≤ 1 := ih (fun p hp => inside p (mem_tail o hp)) once'.2
    have sameId : ∀ p : Occurrence, InBatch b p.event → p.event.hash = e.hash → p.event = e :=
      fun p hp same => fits p.event e hp he same
    by_cases c : o.event.id = e.id
    · have others : ∀ p, p ∈ l → ¬ p.event.id = e.id := by
        intro p hp same
        exact once'.1 ((mem_occurrenceIds o.event.id l).2 ⟨p, hp, same.trans c.symm⟩)
      have noEarlier : heldEarlier e l = 0 :=
        (count_zero (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) l).2
          (fun p hp t => others p hp ((earlierVersion_iff e p).1 t).1)
      have nothing : held e l = 0 :=
        (count_zero (fun (o : Occurrence) => decide (o.event.hash = e.hash)) l).2 (fun p hp t =>
          others p hp (congrArg Event.id (sameId p (inside p (mem_tail o hp)) (of_decide_eq_true t))))
      by_cases d : o.event.hash = e.hash
      · have same : o.event = e := sameId o (inside o (mem_head o l)) d
        have h1 : heldEarlier e (o :: l) = heldEarlier e l :=
          count_no (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) o l (by
            intro t
            have early : Earlier o.event e := ((earlierVersion_iff e o).1 t).2
            rw [same] at early
            exact earlier_irreflexive e early)
        have h2 : held e (o :: l) = held e l + 1 :=
          count_yes (fun (o : Occurrence) => decide (o.event.hash = e.hash)) o l (decide_eq_true d)
        omega
      · have h2 : held e (o :: l) = held e l :=
          count_no (fun (o : Occurrence) => decide (o.event.hash = e.hash)) o l (fun t => d (of_decide_eq_true t))
        by_cases t : (decide (o.event.id = e.id) && earlier o.event e) = true
        · have h1 : heldEarlier e (o :: l) = heldEarlier e l + 1 :=
            count_yes (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) o l t
          omega
        · have h1 : heldEarlier e (o :: l) = heldEarlier e l :=
            count_no (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) o l t
          omega
    · have h1 : heldEarlier e (o :: l) = heldEarlier e l :=
        count_no (fun (o : Occurrence) => decide (o.event.id = e.id) && earlier o.event e) o l
          (fun t => c ((earlierVersion_iff e o).1 t).1)
      have h2 : held e (o :: l) = held e l :=
        count_no (fun (o : Occurrence) => decide (o.event.hash = e.hash)) o l (fun t =>
          c (congrArg Event.id (sameId o (inside o (mem_head o l)) (of_decide_eq_true t))))
      omega

theorem count_more {α : Type} (t : α → Bool) (a : α) (l : List α) : count t l ≤ count t (a :: l) := by
  by_cases c : t a = true
  · rw [count_yes t a l c]
    exact Nat.le_succ (count t l)
  · exact Nat.le_of_eq (count_no t a l c).symm

/-- Two occurrences of one id crowd it. -/
theorem two_crowd (b : Batch) (fits : HashFits b) (o p : Occurrence) (l : List Occurrence) (ho : InBatch b o.event)
    (hp : InBatch b p.event) (pl : p ∈ l) (same : o.event.id = p.event.id) :
    ∃ e, InBatch b e ∧ 2 ≤ heldEarlier e (o :: l) + held e (o :: l) := by
  have holdsO : Holds (o :: l) o.event := ⟨o, mem_head o l, rfl⟩
  have holdsP : Holds (o :: l) p.event := ⟨p, mem_tail o pl, rfl⟩
  rcases earlier_total_in_batch b fits o.event p.event ho hp with c | c | c
  · have one := heldEarlier_pos p.event o.event (o :: l) holdsO same c
    have two := held_pos p.event (o :: l) holdsP
    exact ⟨p.event, hp, by omega⟩
  · have inside : 0 < held o.event l := held_pos o.event l ⟨p, pl, c.symm⟩
    have more : held o.event (o :: l) = held o.event l + 1 :=
      count_yes (fun (x : Occurrence) => decide (x.event.hash = o.event.hash)) o l (decide_eq_true rfl)
    exact ⟨o.event, ho, by omega⟩
  · have one := heldEarlier_pos o.event p.event (o :: l) holdsP same.symm c
    have two := held_pos o.event (o :: l) holdsO
    exact ⟨o.event, ho, by omega⟩

/-- Where nothing is crowded, ids are unique. -/
theorem not_crowded_unique (b : Batch) (fits : HashFits b) : ∀ l : List Occurrence,
    (∀ o, o ∈ l → InBatch b o.event) → (∀ e, InBatch b e → ¬ 2 ≤ heldEarlier e l + held e l) →
    Once (occurrenceIds l) := by
  intro l
  induction l with
  | nil =>
    intro _ _
    exact True.intro
  | cons o l ih =>
    intro inside few
    show ¬ o.event.id ∈ occurrenceIds l ∧ Once (occurrenceIds l)
    refine ⟨?_, ?_⟩
    · intro there
      rcases (mem_occurrenceIds o.event.id l).1 there with ⟨p, hp, same⟩
      rcases two_crowd b fits o p l (inside o (mem_head o l)) (inside p (mem_tail o hp)) hp same.symm with
        ⟨e, he, crowd⟩
      exact few e he crowd
    · refine ih (fun p hp => inside p (mem_tail o hp)) ?_
      intro e he crowd
      have one : heldEarlier e l ≤ heldEarlier e (o :: l) :=
        count_more (fun (x : Occurrence) => decide (x.event.id = e.id) && earlier x.event e) o l
      have two : held e l ≤ held e (o :: l) :=
        count_more (fun (x : Occurrence) => decide (x.event.hash = e.hash)) o l
      exact few e he (Nat.le_trans crowd (Nat.add_le_add one two))

/-! ### All nine -/

theorem zero_1002 (b : Batch) (fits : HashFits b) : twiceInAny b = 0 ↔ ∀ e, ¬ Violates1002 b e := by
  constructor
  · intro h e v
    rcases v with ⟨he, l, hl, _, crowd⟩
    have once : Once (occurrenceIds l) := (twice_zero l).1 ((twiceInAny_zero b).1 h l hl)
    have few := unique_not_crowded b fits e he l (fun o ho => in_log b l o hl ho) once
    exact absurd (Nat.le_trans crowd few) (Nat.not_le.2 (Nat.lt_succ_self 1))
  · intro h
    apply (twiceInAny_zero b).2
    intro l hl
    apply (twice_zero l).2
    refine not_crowded_unique b fits l (fun o ho => in_log b l o hl ho) ?_
    intro e he crowd
    rcases crowding_is_a_violation b fits e l he hl crowd with ⟨f, v⟩
    exact h f v

theorem zero_1003 (b : Batch) :
    count (fun (o : Occurrence) => breaks1003 o.event) (occurrences b) = 0 ↔ ∀ e, ¬ Violates1003 b e := by
  have zero := count_zero (fun (o : Occurrence) => breaks1003 o.event) (occurrences b)
  constructor
  · intro h e v
    rcases (inBatch_iff b e).1 v.1 with ⟨o, ho, oe⟩
    have t : breaks1003 e = true := (breaks1003_iff b e v.1).2 v
    rw [← oe] at t
    exact zero.1 h o ho t
  · intro h
    apply zero.2
    intro o ho t
    have here : InBatch b o.event := occurrence_of b o ho
    exact h o.event ((breaks1003_iff b o.event here).1 t)

theorem misfits_iff (o : Occurrence) : misfits o = true ↔ ∃ h : Nat, o.found = some h ∧ ¬ h = o.event.stated :=
  optb_of (fun h => notb_of (decide_iff (h = o.event.stated)))

theorem zero_2001 (b : Batch) : count misfits (occurrences b) = 0 ↔ ∀ e, ¬ Violates2001 b e := by
  have zero := count_zero misfits (occurrences b)
  constructor
  · intro z e v
    rcases v with ⟨o, h, ho, oe, found, differs⟩
    rw [← oe] at differs
    exact zero.1 z o ho ((misfits_iff o).2 ⟨h, found, differs⟩)
  · intro clean
    apply zero.2
    intro o ho t
    rcases (misfits_iff o).1 t with ⟨h, found, differs⟩
    exact clean o.event ⟨o, h, ho, rfl, found, differs⟩

theorem violated_zero (s : State) (b : Batch) (fits : HashFits b) (p : Predicate) :
    (covered s b (distinct b) p).violated = 0 ↔ ∀ e, ¬ Violates s b p e := by
  cases p with
  | p1001 => exact breaking_zero s b fits Predicate.p1001
  | p1002 => exact zero_1002 b fits
  | p1003 => exact zero_1003 b
  | p1004 => exact breaking_zero s b fits Predicate.p1004
  | p2001 => exact zero_2001 b
  | p2002 => exact breaking_zero s b fits Predicate.p2002
  | p2003 => exact breaking_zero s b fits Predicate.p2003
  | p3001 => exact breaking_zero s b fits Predicate.p3001
  | p3002 => exact breaking_zero s b fits Predicate.p3002

/-- A batch merges exactly where every predicate counts no violation. -/
theorem merges_where_nothing_is_counted (s : State) (b : Batch) (fits : HashFits b) :
    (∃ next, reconcile s b = Verdict.merge next) ↔ ∀ p, (covered s b (distinct b) p).violated = 0 := by
  have merges := accepts_exactly_what_agrees s b fits
  constructor
  · intro h p
    exact (violated_zero s b fits p).2 (fun e => merges.1 h p e)
  · intro zero
    apply merges.2
    intro p e
    exact (violated_zero s b fits p).1 (zero p) e

end Omega
