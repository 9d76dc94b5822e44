import Omega.Words

/-!
What the checker asks of a whole batch: which ids it has, in how many versions, and which logs hold an event.
-/

namespace Omega

theorem idInBatch_iff (b : Batch) (es : List Event) (all : EventsOf b es) (i : Nat) :
    idInBatch es i = true ↔ IdInBatch b i := by
  have t : idInBatch es i = true ↔ ∃ e : Event, e ∈ es ∧ e.id = i :=
    anyb_of (fun e => decide_iff (e.id = i))
  constructor
  · intro h
    rcases t.1 h with ⟨e, he, ei⟩
    exact ⟨e, (all e).1 he, ei⟩
  · intro h
    rcases h with ⟨e, he, ei⟩
    exact t.2 ⟨e, (all e).2 he, ei⟩

theorem severalVersions_iff (s : State) (b : Batch) (es : List Event) (all : EventsOf b es) (fits : HashFits b)
    (i : Nat) : severalVersions s es i = true ↔ SeveralVersions s b i := by
  have t : severalVersions s es i = true ↔ ∃ e : Event, e ∈ es ∧ (e.id = i ∧
      ((∃ f : Event, f ∈ es ∧ (f.id = i ∧ ¬ f.hash = e.hash)) ∨ ∃ l h, accepted s i = some (l, h) ∧ h ≠ e.hash)) :=
    anyb_of (fun e => andb_of (decide_iff (e.id = i))
      (orb_of (anyb_of (fun f => andb_of (decide_iff (f.id = i)) (notb_of (decide_iff (f.hash = e.hash)))))
        (other_hash_iff s i e.hash)))
  constructor
  · intro h
    rcases t.1 h with ⟨e, he, ei, other⟩
    refine ⟨e, (all e).1 he, ei, ?_⟩
    rcases other with other | other
    · rcases other with ⟨f, hf, fi, apart⟩
      refine Or.inl ⟨f, (all f).1 hf, fi, ?_⟩
      intro same
      exact apart (congrArg Event.hash same)
    · exact Or.inr other
  · intro h
    rcases h with ⟨e, he, ei, other⟩
    refine t.2 ⟨e, (all e).2 he, ei, ?_⟩
    rcases other with other | other
    · rcases other with ⟨f, hf, fi, apart⟩
      exact Or.inl ⟨f, (all f).2 hf, fi, fun same => apart (fits f e hf he same)⟩
    · exact Or.inr other

theorem inBatch_log (b : Batch) (e : Event) : InBatch b e ↔ ∃ l, l ∈ b ∧ Holds l e := by
  constructor
  · intro h
    rcases (inBatch_iff b e).1 h with ⟨o, ho, eo⟩
    rcases (mem_occurrences o b).1 ho with ⟨l, hl, hol⟩
    exact ⟨l, hl, o, hol, eo⟩
  · intro h
    rcases h with ⟨l, hl, o, ho, eo⟩
    exact (inBatch_iff b e).2 ⟨o, (mem_occurrences o b).2 ⟨l, hl, ho⟩, eo⟩

theorem holds_iff (b : Batch) (fits : HashFits b) (l : List Occurrence) (e : Event) (hl : l ∈ b)
    (he : InBatch b e) : holds l e = true ↔ Holds l e := by
  have t : holds l e = true ↔ ∃ o : Occurrence, o ∈ l ∧ o.event.hash = e.hash :=
    anyb_of (fun o => decide_iff (o.event.hash = e.hash))
  constructor
  · intro h
    rcases t.1 h with ⟨o, ho, eo⟩
    exact ⟨o, ho, fits o.event e (in_log b l o hl ho) he eo⟩
  · intro h
    rcases h with ⟨o, ho, eo⟩
    refine t.2 ⟨o, ho, ?_⟩
    rw [eo]

theorem mem_numbered (b : Batch) (i : Nat) (l : List Occurrence) :
    (i, l) ∈ number 0 b ↔ nth b i = some l := by
  constructor
  · intro h
    rcases (mem_number i l b 0).1 h with ⟨j, ij, hj⟩
    have ij' : i = j := by omega
    rw [ij']
    exact hj
  · intro h
    exact (mem_number i l b 0).2 ⟨i, by omega, h⟩

theorem inTwo_iff (b : Batch) (fits : HashFits b) (e f : Event) (he : InBatch b e) (hf : InBatch b f) :
    inTwo b e f = true ↔ InTwo b e f := by
  have t : inTwo b e f = true ↔ ∃ x : Nat × List Occurrence, x ∈ number 0 b ∧ (holds x.2 e = true ∧
      ∃ y : Nat × List Occurrence, y ∈ number 0 b ∧ (¬ x.1 = y.1 ∧ holds y.2 f = true)) :=
    anyb_of (fun x => andb_of Iff.rfl
      (anyb_of (fun y => andb_of (notb_of (decide_iff (x.1 = y.1))) Iff.rfl)))
  constructor
  · intro h
    rcases t.1 h with ⟨x, hx, xe, y, hy, xy, yf⟩
    cases x with
    | mk i l =>
      cases y with
      | mk j m =>
        have hi : nth b i = some l := (mem_numbered b i l).1 hx
        have hj : nth b j = some m := (mem_numbered b j m).1 hy
        have le : Holds l e := (holds_iff b fits l e (mem_of_nth l b i hi) he).1 xe
        have mf : Holds m f := (holds_iff b fits m f (mem_of_nth m b j hj) hf).1 yf
        exact ⟨i, j, l, m, hi, hj, xy, le, mf⟩
  · intro h
    rcases h with ⟨i, j, l, m, hi, hj, ij, le, mf⟩
    have xe : holds l e = true := (holds_iff b fits l e (mem_of_nth l b i hi) he).2 le
    have yf : holds m f = true := (holds_iff b fits m f (mem_of_nth m b j hj) hf).2 mf
    exact t.2 ⟨(i, l), (mem_numbered b i l).2 hi, xe, (j, m), (mem_numbered b j m).2 hj, ij, yf⟩

end Omega
