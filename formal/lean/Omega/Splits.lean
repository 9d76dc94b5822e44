import Omega.Parts
import Omega.SecondPart

/-!
Any number of consecutive parts, closed under deps and stream predecessors: if the whole merges, so do they, and they end
in the same state.
-/

namespace Omega

theorem zip_cons (l m : List Occurrence) (a c : List (List Occurrence)) :
    zipLogs (l :: a) (m :: c) = (l ++ m) :: zipLogs a c :=
  rfl

theorem zip_nil (l : List Occurrence) (a : List (List Occurrence)) : zipLogs (l :: a) [] = l :: a :=
  rfl

theorem zip_left : ∀ (a c : List (List Occurrence)) (i : Nat) (l : List Occurrence), nth a i = some l →
    ∃ m rest, nth (zipLogs a c) i = some m ∧ Perm (l ++ rest) m := by
  intro a
  induction a with
  | nil =>
    intro c i l h
    have h' : (none : Option (List Occurrence)) = some l := h
    cases h'
  | cons x a ih =>
    intro c i l h
    cases c with
    | nil =>
      rw [zip_nil x a]
      exact ⟨l, [], h, perm_with_nothing l⟩
    | cons y c =>
      rw [zip_cons x y a c]
      cases i with
      | zero =>
        have h' : some x = some l := h
        have xl : x = l := Option.some.inj h'
        rw [← xl]
        exact ⟨x ++ y, y, rfl, perm_refl (x ++ y)⟩
      | succ i => exact ih c i l h

theorem zip_right : ∀ (a c : List (List Occurrence)) (i : Nat) (l : List Occurrence), nth c i = some l →
    ∃ m rest, nth (zipLogs a c) i = some m ∧ Perm (l ++ rest) m := by
  intro a
  induction a with
  | nil =>
    intro c i l h
    exact ⟨l, [], h, perm_with_nothing l⟩
  | cons x a ih =>
    intro c i l h
    cases c with
    | nil =>
      have h' : (none : Option (List Occurrence)) = some l := h
      cases h'
    | cons y c =>
      rw [zip_cons x y a c]
      cases i with
      | zero =>
        have h' : some y = some l := h
        have yl : y = l := Option.some.inj h'
        rw [← yl]
        exact ⟨x ++ y, x, rfl, perm_turn x y⟩
      | succ i => exact ih c i l h

theorem zip_part_left (a c : List (List Occurrence)) : PartOf a (zipLogs a c) :=
  ⟨fun i => i, fun _ _ h => h, zip_left a c⟩

theorem zip_part_right (a c : List (List Occurrence)) : PartOf c (zipLogs a c) :=
  ⟨fun i => i, fun _ _ h => h, zip_right a c⟩

theorem of_zip (o : Occurrence) : ∀ a c : List (List Occurrence), o ∈ occurrences (zipLogs a c) →
    o ∈ occurrences a ∨ o ∈ occurrences c := by
  intro a
  induction a with
  | nil =>
    intro c h
    exact Or.inr h
  | cons x a ih =>
    intro c h
    cases c with
    | nil => exact Or.inl h
    | cons y c =>
      have h' : o ∈ (x ++ y) ++ occurrences (zipLogs a c) := h
      rcases List.mem_append.1 h' with q | q
      · rcases List.mem_append.1 q with r | r
        · refine Or.inl ?_
          show o ∈ x ++ occurrences a
          exact List.mem_append.2 (Or.inl r)
        · refine Or.inr ?_
          show o ∈ y ++ occurrences c
          exact List.mem_append.2 (Or.inl r)
      · rcases ih c q with r | r
        · refine Or.inl ?_
          show o ∈ x ++ occurrences a
          exact List.mem_append.2 (Or.inr r)
        · refine Or.inr ?_
          show o ∈ y ++ occurrences c
          exact List.mem_append.2 (Or.inr r)

theorem in_zip (a c : List (List Occurrence)) (e : Event) : InBatch (zipLogs a c) e ↔ InBatch a e ∨ InBatch c e := by
  constructor
  · intro h
    rcases (inBatch_iff (zipLogs a c) e).1 h with ⟨o, ho, oe⟩
    rcases of_zip o a c ho with q | q
    · exact Or.inl ((inBatch_iff a e).2 ⟨o, q, oe⟩)
    · exact Or.inr ((inBatch_iff c e).2 ⟨o, q, oe⟩)
  · intro h
    rcases h with h | h
    · exact part_event (zip_part_left a c) e h
    · exact part_event (zip_part_right a c) e h

theorem join_cons (p : List (List Occurrence)) (parts : List (List (List Occurrence))) :
    join (p :: parts) = zipLogs p (join parts) :=
  rfl

theorem in_join_last (p : List (List Occurrence)) (e : Event) : ∀ before : List (List (List Occurrence)),
    InBatch (join (before ++ [p])) e → InBatch (join before) e ∨ InBatch p e := by
  intro before
  induction before with
  | nil =>
    intro h
    have h' : InBatch (zipLogs p []) e := h
    rcases (in_zip p [] e).1 h' with q | q
    · exact Or.inr q
    · have q' : e ∈ ([] : List Event) := q
      exact nowhere q'
  | cons x before ih =>
    intro h
    have h' : InBatch (zipLogs x (join (before ++ [p]))) e := h
    rcases (in_zip x (join (before ++ [p])) e).1 h' with q | q
    · refine Or.inl ?_
      show InBatch (zipLogs x (join before)) e
      exact (in_zip x (join before) e).2 (Or.inl q)
    · rcases ih q with r | r
      · refine Or.inl ?_
        show InBatch (zipLogs x (join before)) e
        exact (in_zip x (join before) e).2 (Or.inr r)
      · exact Or.inr r

theorem sameState_refl (s : State) : SameState s s := ⟨fun _ => rfl, fun _ => rfl⟩

/-- The next part and all that come after it, where what came before is known. -/
theorem cut_next (s : State) (before : List (List (List Occurrence))) (p : List (List Occurrence))
    (rest : List (List (List Occurrence))) (order : InOrder before (p :: rest))
    (known : ∀ e, InBatch (join before) e → Known s e) :
    TwoParts s (zipLogs p (join rest)) p (join rest) := by
  have o : (∀ e, InBatch p e →
      (∀ d, d ∈ e.deps → IdInBatch (join rest) d → IdInBatch p d ∨ IdInBatch (join before) d) ∧
      (∀ f, InBatch (join rest) f → SameStream f e → ¬ CausalOnly e → Earlier f e →
        InBatch p f ∨ InBatch (join before) f)) ∧ InOrder (before ++ [p]) rest := order
  refine TwoParts.mk (zip_part_left p (join rest)) (zip_part_right p (join rest))
    (fun e he => (in_zip p (join rest) e).1 he) ?_
  intro e he
  have oe := o.1 e he
  constructor
  · intro d hd there
    rcases there with ⟨f, hf, fd⟩
    rcases (in_zip p (join rest) f).1 hf with q | q
    · exact Or.inl ⟨f, q, fd⟩
    · rcases oe.1 d hd ⟨f, q, fd⟩ with r | r
      · exact Or.inl r
      · rcases r with ⟨g, hg, gd⟩
        rcases known g hg with ⟨l, k⟩
        rw [gd] at k
        exact Or.inr ⟨l, g.hash, k⟩
  · intro f hf same causal early
    rcases (in_zip p (join rest) f).1 hf with q | q
    · exact Or.inl q
    · rcases oe.2 f q same causal early with r | r
      · exact Or.inl r
      · exact Or.inr (known f r)

theorem parts_merge : ∀ (parts before : List (List (List Occurrence))) (s t : State), InOrder before parts →
    (∀ e, InBatch (join before) e → Known s e) → Sound s → HashFits (join parts) →
    reconcile s (join parts) = Verdict.merge t → ∃ u, reconcileAll parts s = some u ∧ SameState u t := by
  intro parts
  induction parts with
  | nil =>
    intro before s t _ _ _ fits merged
    have e : t = after s (join []) := (merged_is_after s t (join []) fits merged).2
    have e' : t = s := e
    rw [e']
    exact ⟨s, reconcileAll_nil s, sameState_refl s⟩
  | cons p rest ih =>
    intro before s t order known sound fits merged
    rw [join_cons p rest] at fits merged
    have agrees : Agrees s (zipLogs p (join rest)) := (merged_is_after s t (zipLogs p (join rest)) fits merged).1
    have cut : Cut s (zipLogs p (join rest)) p (join rest) :=
      Cut.mk fits sound (cut_next s before p rest order known) agrees
    have fitsP : HashFits p := first_fits cut
    have agreesP : Agrees s p := first_part_agrees cut
    have one : reconcile s p = Verdict.merge (after s p) := merge_is_after s p fitsP agreesP
    have two : reconcile (after s p) (join rest) = Verdict.merge (after (after s p) (join rest)) :=
      merge_is_after (after s p) (join rest) (second_fits cut) (second_part_agrees cut)
    have known' : ∀ e, InBatch (join (before ++ [p])) e → Known (after s p) e := by
      intro e he
      rcases in_join_last p e before he with q | q
      · exact known_stays s p fitsP agreesP e (known e q)
      · exact batch_is_known s p fitsP agreesP e q
    have order' : InOrder (before ++ [p]) rest := order.2
    rcases ih (before ++ [p]) (after s p) (after (after s p) (join rest)) order' known'
      (merged_is_sound s p fitsP agreesP sound) (second_fits cut) two with ⟨u, hu, same⟩
    refine ⟨u, (reconcileAll_merge s (after s p) p rest one).trans hu, ?_⟩
    have e : t = after s (zipLogs p (join rest)) := (merged_is_after s t (zipLogs p (join rest)) fits merged).2
    rw [e]
    exact sameState_trans u (after (after s p) (join rest)) (after s (zipLogs p (join rest))) same (both_states cut)

/-- If a batch merges, so do consecutive parts that are closed under deps and stream predecessors, however many they are,
and they end in the same state. -/
theorem every_split_merges (parts : List (List (List Occurrence))) (s t : State) (order : InOrder [] parts)
    (sound : Sound s) (fits : HashFits (join parts)) (merged : reconcile s (join parts) = Verdict.merge t) :
    ∃ u, reconcileAll parts s = some u ∧ SameState u t := by
  refine parts_merge parts [] s t order ?_ sound fits merged
  intro e he
  have he' : e ∈ ([] : List Event) := he
  exact nowhere he'

end Omega
