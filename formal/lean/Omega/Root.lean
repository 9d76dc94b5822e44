import Omega.History
import Omega.Splits

/-!
The state root: states that are alike have the same tries, whatever they were filled with in which order.
-/

namespace Omega

/-! ### Maps -/

/-- No key comes twice. -/
def KeysOnce {Key Value : Type} : List (Key × Value) → Prop
  | [] => True
  | e :: m => (∀ x, x ∈ m → ¬ x.1 = e.1) ∧ KeysOnce m

theorem keysOnce_once {Key Value : Type} : ∀ m : List (Key × Value), KeysOnce m → Once m := by
  intro m
  induction m with
  | nil =>
    intro _
    exact True.intro
  | cons e m ih =>
    intro o
    have o' : (∀ x, x ∈ m → ¬ x.1 = e.1) ∧ KeysOnce m := o
    show ¬ e ∈ m ∧ Once m
    exact ⟨fun h => o'.1 e h rfl, ih o'.2⟩

theorem keysOnce_onceEach {Value : Type} : ∀ m : List (Nat × Value), KeysOnce m → OnceEach m := by
  intro m
  induction m with
  | nil =>
    intro _
    exact True.intro
  | cons e m ih =>
    intro o
    have o' : (∀ x, x ∈ m → ¬ x.1 = e.1) ∧ KeysOnce m := o
    show (∀ x, x ∈ m → ¬ x.1 = e.1) ∧ OnceEach m
    exact ⟨o'.1, ih o'.2⟩

theorem mem_update {Key Value : Type} [DecidableEq Key] (k : Key) (v : Value) (x : Key × Value) :
    ∀ m : List (Key × Value), x ∈ update k v m → x = (k, v) ∨ x ∈ m := by
  intro m
  induction m with
  | nil =>
    intro h
    have h' : x ∈ [(k, v)] := h
    exact List.mem_cons.1 h'
  | cons y m ih =>
    cases y with
    | mk j w =>
      intro h
      by_cases c : k = j
      · rw [update_here k j v w m c] at h
        rcases List.mem_cons.1 h with q | q
        · exact Or.inl q
        · exact Or.inr (mem_tail (j, w) q)
      · rw [update_there k j v w m c] at h
        rcases List.mem_cons.1 h with q | q
        · exact Or.inr (List.mem_cons.2 (Or.inl q))
        · rcases ih q with r | r
          · exact Or.inl r
          · exact Or.inr (mem_tail (j, w) r)

theorem update_once {Key Value : Type} [DecidableEq Key] (k : Key) (v : Value) :
    ∀ m : List (Key × Value), KeysOnce m → KeysOnce (update k v m) := by
  intro m
  induction m with
  | nil =>
    intro _
    exact ⟨fun _ h => nowhere h, True.intro⟩
  | cons y m ih =>
    cases y with
    | mk j w =>
      intro o
      have o' : (∀ x, x ∈ m → ¬ x.1 = j) ∧ KeysOnce m := o
      by_cases c : k = j
      · rw [update_here k j v w m c]
        show (∀ x, x ∈ m → ¬ x.1 = k) ∧ KeysOnce m
        rw [c]
        exact o'
      · rw [update_there k j v w m c]
        show (∀ x, x ∈ update k v m → ¬ x.1 = j) ∧ KeysOnce (update k v m)
        refine ⟨?_, ih o'.2⟩
        intro x hx same
        rcases mem_update k v x m hx with q | q
        · rw [q] at same
          exact c same
        · exact o'.1 x q same

theorem lookup_mem {Key Value : Type} [DecidableEq Key] (k : Key) (v : Value) :
    ∀ m : List (Key × Value), KeysOnce m → (lookup k m = some v ↔ (k, v) ∈ m) := by
  intro m
  induction m with
  | nil =>
    intro _
    constructor
    · intro h
      have h' : (none : Option Value) = some v := h
      cases h'
    · intro h
      exact nowhere h
  | cons y m ih =>
    cases y with
    | mk j w =>
      intro o
      have o' : (∀ x, x ∈ m → ¬ x.1 = j) ∧ KeysOnce m := o
      by_cases c : k = j
      · rw [lookup_here k j w m c]
        constructor
        · intro h
          rw [Option.some.inj h, c]
          exact mem_head (j, v) m
        · intro h
          rcases List.mem_cons.1 h with q | q
          · have f := congrArg Prod.snd q
            have vw : v = w := f
            rw [vw]
          · have ne : ¬ k = j := o'.1 (k, v) q
            exact absurd c ne
      · rw [lookup_there k j w m c]
        constructor
        · intro h
          exact mem_tail (j, w) ((ih o'.2).1 h)
        · intro h
          rcases List.mem_cons.1 h with q | q
          · have f := congrArg Prod.fst q
            have kj : k = j := f
            exact absurd kj c
          · exact (ih o'.2).2 q

theorem same_lookups_perm {Key Value : Type} [DecidableEq Key] (m n : List (Key × Value)) (om : KeysOnce m)
    (on : KeysOnce n) (same : ∀ k, lookup k m = lookup k n) : Perm m n := by
  refine perm_of_same m n (keysOnce_once m om) (keysOnce_once n on) ?_
  intro x
  cases x with
  | mk k v =>
    have hm := lookup_mem k v m om
    have hn := lookup_mem k v n on
    constructor
    · intro h
      exact hn.1 ((same k).symm.trans (hm.2 h))
    · intro h
      exact hm.1 ((same k).trans (hn.2 h))

/-! ### States -/

/-- Each id and each stream once. -/
def WellKeyed (s : State) : Prop := KeysOnce s.ids ∧ KeysOnce s.frontiers

/-- Within the width of its field. -/
def FieldsFit (s : State) : Prop :=
  (∀ x, x ∈ s.ids → x.1 < 2 ^ 128) ∧ ∀ x, x ∈ s.frontiers → x.1.1 < 2 ^ 32 ∧ x.1.2 < 2 ^ 16

theorem accepting_keeps_keys : ∀ (l : List Event) (s : State), WellKeyed s → WellKeyed (acceptAll l s) := by
  intro l
  induction l with
  | nil =>
    intro s w
    exact w
  | cons e l ih =>
    intro s w
    refine ih (acceptEvent s e) ?_
    exact ⟨update_once e.id (e.lamport, e.hash) s.ids w.1,
      update_once (e.node, e.stream) (advance (frontierOf s e) e) s.frontiers w.2⟩

theorem reconcile_keeps_keys (s t : State) (b : Batch) (w : WellKeyed s) (h : reconcile s b = Verdict.merge t) :
    WellKeyed t := by
  rcases none_or (walk s b (distinct b) (distinct b) []) with c | c
  · rw [reconcile_none s b c] at h
    injection h with same
    rw [← same]
    exact accepting_keeps_keys (notKnown s (distinct b)) s w
  · rcases c with ⟨x, c⟩
    cases x with
    | mk p e =>
      rw [reconcile_some s b p e c] at h
      cases h

theorem merge_or_obstruction (v : Verdict) :
    (∃ u, v = Verdict.merge u) ∨ ∃ p e, v = Verdict.obstruction p e := by
  cases v with
  | merge u => exact Or.inl ⟨u, rfl⟩
  | obstruction p e => exact Or.inr ⟨p, e, rfl⟩

/-- Every state that merges lead to is so. -/
theorem reached_is_well_keyed : ∀ (parts : List (List (List Occurrence))) (s t : State), WellKeyed s →
    reconcileAll parts s = some t → WellKeyed t := by
  intro parts
  induction parts with
  | nil =>
    intro s t w h
    have h' : some s = some t := h
    rw [← Option.some.inj h']
    exact w
  | cons p parts ih =>
    intro s t w h
    have h' : follow (reconcile s p) (reconcileAll parts) = some t := h
    rcases merge_or_obstruction (reconcile s p) with r | r
    · rcases r with ⟨u, r⟩
      rw [r, follow_merge u (reconcileAll parts)] at h'
      exact ih u t (reconcile_keeps_keys s u p w r) h'
    · rcases r with ⟨q, e, r⟩
      rw [r] at h'
      have h'' : (none : Option State) = some t := h'
      cases h''

theorem genesis_is_well_keyed : WellKeyed genesis := ⟨True.intro, True.intro⟩

/-! ### The two tries: 128 bits of id; 32 of node and 16 of stream -/

def streamNumber (e : (Nat × Nat) × Frontier) : Nat × Frontier := (e.1.1 * 2 ^ 16 + e.1.2, e.2)

def streamNumbers : List ((Nat × Nat) × Frontier) → List (Nat × Frontier)
  | [] => []
  | e :: l => streamNumber e :: streamNumbers l

def idTrie (s : State) : Option (Trie (Nat × Nat)) := build (bitOf 128) 128 s.ids

def frontierTrie (s : State) : Option (Trie Frontier) := build (bitOf 48) 48 (streamNumbers s.frontiers)

theorem mem_streamNumbers (x : Nat × Frontier) : ∀ l : List ((Nat × Nat) × Frontier), x ∈ streamNumbers l →
    ∃ e, e ∈ l ∧ x = streamNumber e := by
  intro l
  induction l with
  | nil =>
    intro h
    have h' : x ∈ ([] : List (Nat × Frontier)) := h
    exact nowhere h'
  | cons e l ih =>
    intro h
    have h' : x ∈ streamNumber e :: streamNumbers l := h
    rcases List.mem_cons.1 h' with q | q
    · exact ⟨e, mem_head e l, q⟩
    · rcases ih q with ⟨f, hf, xf⟩
      exact ⟨f, mem_tail e hf, xf⟩

theorem streamNumbers_perm {l m : List ((Nat × Nat) × Frontier)} (p : Perm l m) :
    Perm (streamNumbers l) (streamNumbers m) := by
  induction p with
  | nil => exact Perm.nil
  | cons e _ ih => exact Perm.cons (streamNumber e) ih
  | swap e f l => exact Perm.swap (streamNumber e) (streamNumber f) (streamNumbers l)
  | trans _ _ ih ih' => exact Perm.trans ih ih'

theorem number_fits (n m : Nat) (hn : n < 2 ^ 32) (hm : m < 2 ^ 16) : n * 2 ^ 16 + m < 2 ^ 48 := by
  have one : n * 2 ^ 16 + m < n * 2 ^ 16 + 2 ^ 16 := Nat.add_lt_add_left hm (n * 2 ^ 16)
  have two : (n + 1) * 2 ^ 16 = n * 2 ^ 16 + 1 * 2 ^ 16 := Nat.add_mul n 1 (2 ^ 16)
  have three : (n + 1) * 2 ^ 16 ≤ 2 ^ 32 * 2 ^ 16 := Nat.mul_le_mul hn (Nat.le_refl (2 ^ 16))
  rw [two, Nat.one_mul] at three
  have four : (2 : Nat) ^ 32 * 2 ^ 16 = 2 ^ 48 := by
    first
      | decide
      | rfl
  rw [four] at three
  exact Nat.lt_of_lt_of_le one three

theorem streamNumbers_fit (s : State) (fits : FieldsFit s) :
    ∀ x, x ∈ streamNumbers s.frontiers → x.1 < 2 ^ 48 := by
  intro x hx
  rcases mem_streamNumbers x s.frontiers hx with ⟨e, he, xe⟩
  rw [xe]
  exact number_fits e.1.1 e.1.2 (fits.2 e he).1 (fits.2 e he).2

theorem streamNumbers_once : ∀ l : List ((Nat × Nat) × Frontier), (∀ x, x ∈ l → x.1.2 < 2 ^ 16) → KeysOnce l →
    OnceEach (streamNumbers l) := by
  intro l
  induction l with
  | nil =>
    intro _ _
    exact True.intro
  | cons e l ih =>
    intro fits o
    have o' : (∀ x, x ∈ l → ¬ x.1 = e.1) ∧ KeysOnce l := o
    show (∀ x, x ∈ streamNumbers l → ¬ x.1 = (streamNumber e).1) ∧ OnceEach (streamNumbers l)
    refine ⟨?_, ih (fun x hx => fits x (mem_tail e hx)) o'.2⟩
    intro x hx same
    rcases mem_streamNumbers x l hx with ⟨f, hf, xf⟩
    rw [xf] at same
    have same' : f.1.1 * 2 ^ 16 + f.1.2 = e.1.1 * 2 ^ 16 + e.1.2 := same
    have digits := digits_eq (2 ^ 16) f.1.1 f.1.2 e.1.1 e.1.2 (fits f (mem_tail e hf)) (fits e (mem_head e l)) same'
    have ne : ¬ f.1 = e.1 := o'.1 f hf
    apply ne
    cases f with
    | mk fk fv =>
      cases fk with
      | mk fn fm =>
        cases e with
        | mk ek ev =>
          cases ek with
          | mk en em =>
            have nn : fn = en := digits.1
            have mm : fm = em := digits.2
            show (fn, fm) = (en, em)
            rw [nn, mm]

/-- Alike states have one root: both tries are the same, with all their hashes. -/
theorem same_state_same_tries (s t : State) (ws : WellKeyed s) (wt : WellKeyed t) (fits : FieldsFit s)
    (same : SameState s t) : idTrie s = idTrie t ∧ frontierTrie s = frontierTrie t := by
  have ids : Perm s.ids t.ids := same_lookups_perm s.ids t.ids ws.1 wt.1 same.1
  have streams : Perm s.frontiers t.frontiers := same_lookups_perm s.frontiers t.frontiers ws.2 wt.2 same.2
  refine ⟨?_, ?_⟩
  · exact history_independent 128 s.ids t.ids fits.1 (keysOnce_onceEach s.ids ws.1) ids
  · exact history_independent 48 (streamNumbers s.frontiers) (streamNumbers t.frontiers) (streamNumbers_fit s fits)
      (streamNumbers_once s.frontiers (fun x hx => (fits.2 x hx).2) ws.2) (streamNumbers_perm streams)

end Omega
