import Omega.Between
import Omega.Arranged

/-!
Splitting a batch: what merges in one go merges in two parts too, and leaves the same state.
-/

namespace Omega

theorem second_part_agrees {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) : Agrees (after s a) c := by
  intro p e v
  cases p with
  | p1002 => exact part_crowding h.parts.second s h.fits h.agrees e v
  | p3001 =>
    have v' : Violates3001 (after s a) c e := v
    have here : InBatch b e := second_in h e v'.1.1
    rcases part_disagreement h.parts.second s (after s a) h.fits h.agrees e v'.1 with ⟨l, x, known, ne⟩
    rcases accepted_between h e.id with q | q
    · rcases q with ⟨g, hg, ge, acc⟩
      have same : g = e := cut_unique h g e (first_in h g (new_in_first h g hg).1) here ge
      rw [same, known] at acc
      have pair : (l, x) = (e.lamport, e.hash) := Option.some.inj acc
      have second := congrArg Prod.snd pair
      exact ne second
    · exact ne (state_agrees s b h.fits h.agrees e l x here (q.2.symm.trans known))
  | p1001 =>
    have v' : Violates1001 (after s a) c e := v
    rcases v' with ⟨he, new, causal, why⟩
    rcases new_in_second h e he new with ⟨here, unknown, _⟩
    rcases why with why | why
    · exact why (above_between h e he new causal)
    · rcases why with ⟨f, hf, newF, same, early, equal⟩
      rcases new_in_second h f hf newF with ⟨hereF, unknownF, _⟩
      have lt : f.lamport < e.lamport :=
        lamports_differ s b h.agrees f e hereF here unknownF unknown causal same early
      rw [equal] at lt
      exact Nat.lt_irrefl e.lamport lt
  | p1003 =>
    have v' : Violates1003 c e := v
    have w : Violates1003 b e := ⟨second_in h e v'.1, v'.2⟩
    exact h.agrees Predicate.p1003 e w
  | p1004 =>
    have v' : Violates1004 (after s a) c e := v
    rcases v' with ⟨line, causal, why⟩
    have lb : OnLine s b e := (line_between h e e line ⟨rfl, rfl⟩ causal).1
    rcases why with why | why
    · have w : Violates1004 s b e := ⟨lb, causal, Or.inl ⟨why.1, linked_between h e line causal why.2⟩⟩
      exact h.agrees Predicate.p1004 e w
    · rcases why with ⟨linked, _, wrong⟩
      have next : NextSmaller s b e e.prev := links_hold s b h.fits h.agrees e lb causal linked
      rcases next_smaller_between h e e.prev line causal next with ⟨next', there⟩
      rcases wrong with wrong | wrong
      · have gap : ¬ IdInBatch c e.prev ∧ ¬ IdInState (after s a) e.prev := wrong
        rcases there with t | t
        · exact gap.1 t
        · exact gap.2 t
      · exact wrong next'
  | p2001 =>
    have v' : Violates2001 c e := v
    rcases v' with ⟨o, x, ho, rest⟩
    have w : Violates2001 b e := ⟨o, x, part_occurrence h.parts.second o ho, rest⟩
    exact h.agrees Predicate.p2001 e w
  | p2002 =>
    have v' : Violates2002 (after s a) c e := v
    rcases v' with ⟨he, new, d, hd, absent, unknown⟩
    rcases new_in_second h e he new with ⟨here, newE, _⟩
    have w : Violates2002 s b e := by
      refine ⟨here, newE, d, hd, ?_, fun k => unknown (accepted_still h d k)⟩
      intro there
      rcases there with ⟨f, hf, fd⟩
      rcases h.parts.cover f hf with q | q
      · rcases first_known h f q with ⟨l, k⟩
        rw [fd] at k
        exact unknown ⟨l, f.hash, k⟩
      · exact absent ⟨f, q, fd⟩
    exact h.agrees Predicate.p2002 e w
  | p2003 =>
    have v' : Violates2003 (after s a) c e := v
    rcases v' with ⟨he, new, d, hd, why⟩
    rcases new_in_second h e he new with ⟨here, newE, _⟩
    have w : Violates2003 s b e := by
      refine ⟨here, newE, d, hd, ?_⟩
      rcases why with why | why
      · rcases why with ⟨f, hf, rest⟩
        exact Or.inl ⟨f, second_in h f hf, rest⟩
      · rcases why with ⟨l, x, k, le⟩
        rcases accepted_between h d with q | q
        · rcases q with ⟨g, hg, gd, acc⟩
          rw [k] at acc
          have pair : (l, x) = (g.lamport, g.hash) := Option.some.inj acc
          have first := congrArg Prod.fst pair
          have lg : l = g.lamport := first
          rw [lg] at le
          exact Or.inl ⟨g, first_in h g (new_in_first h g hg).1, gd, le⟩
        · exact Or.inr ⟨l, x, q.2.symm.trans k, le⟩
    exact h.agrees Predicate.p2003 e w
  | p3002 =>
    have v' : Violates3002 (after s a) c e := v
    rcases v' with ⟨he, claims, follows, f, hf, early, claimsF, differ, same, unknown⟩
    have w : Violates3002 s b e :=
      ⟨second_in h e he, claims, follows, f, second_in h f hf, early, claimsF, differ, same,
        fun k => unknown ⟨known_still h f k.1, known_still h e k.2⟩⟩
    exact h.agrees Predicate.p3002 e w

/-! ### Lists of events whose ids are unique -/

theorem idsOnce_once : ∀ l : List Event, IdsOnce l → Once l := by
  intro l
  induction l with
  | nil =>
    intro _
    exact True.intro
  | cons x l ih =>
    intro o
    have o' : (∀ y, y ∈ l → ¬ y.id = x.id) ∧ IdsOnce l := o
    show ¬ x ∈ l ∧ Once l
    exact ⟨fun h => o'.1 x h rfl, ih o'.2⟩

theorem idsOnce_append : ∀ l m : List Event, IdsOnce l → IdsOnce m →
    (∀ x y, x ∈ l → y ∈ m → ¬ y.id = x.id) → IdsOnce (l ++ m) := by
  intro l
  induction l with
  | nil =>
    intro m _ om _
    exact om
  | cons x l ih =>
    intro m ol om differ
    have ol' : (∀ y, y ∈ l → ¬ y.id = x.id) ∧ IdsOnce l := ol
    show (∀ y, y ∈ l ++ m → ¬ y.id = x.id) ∧ IdsOnce (l ++ m)
    refine ⟨?_, ih m ol'.2 om (fun z y hz hy => differ z y (mem_tail x hz) hy)⟩
    intro y hy
    rcases List.mem_append.1 hy with q | q
    · exact ol'.1 y q
    · exact differ x y (mem_head x l) q

/-! ### Both parts -/

/-- What is new in one part or the other is what is new in the whole. -/
theorem new_in_both {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) (x : Event) :
    x ∈ newOf s a ++ newOf (after s a) c ↔ x ∈ newOf s b := by
  have inB := mem_newOf s b h.fits x
  have inC := mem_newOf (after s a) c (second_fits h) x
  constructor
  · intro q
    rcases List.mem_append.1 q with q | q
    · have m := new_in_first h x q
      exact inB.2 ⟨first_in h x m.1, m.2⟩
    · have m := inC.1 q
      rcases new_in_second h x m.1 m.2 with ⟨here, unknown, _⟩
      exact inB.2 ⟨here, unknown⟩
  · intro q
    have m := inB.1 q
    rcases Classical.em (InBatch a x) with early | late
    · exact List.mem_append.2 (Or.inl ((mem_newOf s a (first_fits h) x).2 ⟨early, m.2⟩))
    · have hc : InBatch c x := by
        rcases h.parts.cover x m.1 with r | r
        · exact absurd r late
        · exact r
      refine List.mem_append.2 (Or.inr (inC.2 ⟨hc, ?_⟩))
      intro k
      rcases known_between h x m.1 k with r | r
      · exact m.2 r
      · exact late r

theorem both_states {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) :
    SameState (after (after s a) c) (after s b) := by
  have agrees2 : Agrees (after s a) c := second_part_agrees h
  have one : IdsOnce (newOf s a) := newOf_idsOnce s a (first_fits h) (first_part_agrees h)
  have two : IdsOnce (newOf (after s a) c) := newOf_idsOnce (after s a) c (second_fits h) agrees2
  have both : IdsOnce (newOf s a ++ newOf (after s a) c) := by
    refine idsOnce_append (newOf s a) (newOf (after s a) c) one two ?_
    intro x y hx hy same
    have mx := new_in_first h x hx
    have my := (mem_newOf (after s a) c (second_fits h) y).1 hy
    have yx : y = x := cut_unique h y x (second_in h y my.1) (first_in h x mx.1) same
    rw [yx] at my
    exact my.2 (first_known h x mx.1)
  have whole : IdsOnce (newOf s b) := newOf_idsOnce s b h.fits h.agrees
  have p : Perm (newOf s a ++ newOf (after s a) c) (newOf s b) :=
    perm_of_same (newOf s a ++ newOf (after s a) c) (newOf s b)
      (idsOnce_once (newOf s a ++ newOf (after s a) c) both) (idsOnce_once (newOf s b) whole) (new_in_both h)
  have same : SameState s s := ⟨fun _ => rfl, fun _ => rfl⟩
  have r : SameState (acceptAll (newOf s a ++ newOf (after s a) c) s) (acceptAll (newOf s b) s) :=
    accepting_forgets_order p both s s same
  rw [acceptAll_append (newOf s a) (newOf (after s a) c) s] at r
  exact r

/-- Both parts merge, and the state is the same. -/
theorem two_parts_merge {s : State} {b a c : List (List Occurrence)} (h : Cut s b a c) :
    ∃ t u, reconcile s a = Verdict.merge t ∧ reconcile t c = Verdict.merge u ∧
      ∀ w, reconcile s b = Verdict.merge w → SameState u w := by
  refine ⟨after s a, after (after s a) c, merge_is_after s a (first_fits h) (first_part_agrees h),
    merge_is_after (after s a) c (second_fits h) (second_part_agrees h), ?_⟩
  intro w hw
  have e : w = after s b := (merged_is_after s w b h.fits hw).2
  rw [e]
  exact both_states h

end Omega
