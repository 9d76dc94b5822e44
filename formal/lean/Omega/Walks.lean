import Omega.History
import Omega.TrieProof

/-!
What a verifier takes under the root of a trie is so; and of every key there is a proof that it takes: the walk.
`schemas/state.md`, "Proofs", rules 1 to 4.
-/

namespace Omega

/-- How many. -/
def len {α : Type} : List α → Nat
  | [] => 0
  | _ :: l => len l + 1

theorem len_append {α : Type} (m : List α) : ∀ l : List α, len (l ++ m) = len l + len m := by
  intro l
  induction l with
  | nil =>
    show len m = 0 + len m
    omega
  | cons x l ih =>
    show len (l ++ m) + 1 = len l + 1 + len m
    omega

/-- The leaf where the walk of a key ends, and the branches on the way from the root: bit, and the child not taken. -/
structure KeyProof (V H : Type) where
  leaf : Option (Nat × V)
  steps : List (Nat × H)

/-- The bits of the steps rise. -/
def Deeper {H : Type} : List (Nat × H) → Prop
  | [] => True
  | s :: l => (∀ x, x ∈ l → s.1 < x.1) ∧ Deeper l

/-- What a verifier demands of the steps to a leaf of key `k`. -/
structure GoodSteps {H : Type} (bit : Nat → Nat → Bool) (width count q k : Nat) (steps : List (Nat × H)) : Prop where
  few : len steps < count
  begun : 1 < count → ¬ steps = []
  deeper : Deeper steps
  inside : ∀ s, s ∈ steps → s.1 < width
  way : ∀ s, s ∈ steps → bit s.1 k = bit s.1 q

/-- What a verifier demands besides the root: rules 1 to 3. -/
def WellFormed {V H : Type} (bit : Nat → Nat → Bool) (width count q : Nat) : KeyProof V H → Prop
  | KeyProof.mk none steps => count = 0 ∧ steps = []
  | KeyProof.mk (some e) steps => GoodSteps bit width count q e.1 steps

section Walks

variable {V H : Type} (empty : H) (leafHash : Nat → V → H) (branchHash : Nat → H → H → H)
  (bit : Nat → Nat → Bool)

def nodeRoot : Trie V → H
  | Trie.leaf k v => leafHash k v
  | Trie.branch i l r => branchHash i (nodeRoot l) (nodeRoot r)

def rootOf : Option (Trie V) → H
  | none => empty
  | some t => nodeRoot leafHash branchHash t

/-- What this proof shows of key `q` under a root. -/
inductive ShowsBy (root : H) (q : Nat) : KeyProof V H → Option V → Prop where
  | nothing : root = empty → ShowsBy root q (KeyProof.mk none []) none
  | present (v : V) (steps : List (Nat × H)) : climb branchHash bit q (leafHash q v) steps = root →
      ShowsBy root q (KeyProof.mk (some (q, v)) steps) (some v)
  | absent (k : Nat) (v : V) (steps : List (Nat × H)) : k ≠ q →
      climb branchHash bit q (leafHash k v) steps = root → ShowsBy root q (KeyProof.mk (some (k, v)) steps) none

/-- A proof that the verifier takes, and what it then says of the key. -/
def Verifies (width count : Nat) (root : H) (q : Nat) (p : KeyProof V H) (a : Option V) : Prop :=
  WellFormed bit width count q p ∧ ShowsBy empty leafHash branchHash bit root q p a

theorem shows_of_showsBy (root : H) (q : Nat) (p : KeyProof V H) (a : Option V)
    (s : ShowsBy empty leafHash branchHash bit root q p a) : Shows empty leafHash branchHash bit root q a := by
  cases s with
  | nothing e => exact Shows.nothing e
  | present v steps e => exact Shows.present v steps e
  | absent k v steps ne e => exact Shows.absent k v steps ne e

/-! ### Against a trie -/

theorem walk_ends_at_leaf (free : CollisionFree empty leafHash branchHash) (width q k : Nat) (v : V) :
    ∀ (t : Trie V) (steps : List (Nat × H)),
      climb branchHash bit q (leafHash k v) steps = nodeRoot leafHash branchHash t →
        (k, v) ∈ entries t ∧ (Shaped bit width t → ∀ u, (q, u) ∈ entries t → q = k) := by
  intro t
  induction t with
  | leaf k' v' =>
    intro steps e
    cases steps with
    | nil =>
      have e' : leafHash k v = leafHash k' v' := e
      rcases free.leaf_once k v k' v' e' with ⟨kk, vv⟩
      rw [← kk, ← vv]
      refine ⟨mem_head (k, v) [], ?_⟩
      intro _ u hu
      have hu' : (q, u) ∈ [(k, v)] := hu
      rcases List.mem_cons.1 hu' with same | gone
      · have f := congrArg Prod.fst same
        exact f
      · exact nowhere gone
    | cons s rest =>
      cases s with
      | mk i sibling =>
        have e' : step branchHash bit q i sibling (climb branchHash bit q (leafHash k v) rest) = leafHash k' v' := e
        rcases step_is_branch branchHash bit q i sibling (climb branchHash bit q (leafHash k v) rest) with ⟨l, r, h⟩
        rw [h] at e'
        exact absurd e'.symm (free.leaf_no_branch k' v' i l r)
  | branch i l r ihl ihr =>
    intro steps e
    cases steps with
    | nil =>
      have e' : leafHash k v = branchHash i (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r) := e
      exact absurd e' (free.leaf_no_branch k v i (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r))
    | cons s rest =>
      cases s with
      | mk j sibling =>
        have e' : step branchHash bit q j sibling (climb branchHash bit q (leafHash k v) rest) =
            branchHash i (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r) := e
        by_cases c : bit j q = true
        · rw [step_one branchHash bit q j sibling (climb branchHash bit q (leafHash k v) rest) c] at e'
          have parts := free.branch_once j sibling (climb branchHash bit q (leafHash k v) rest) i
            (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r) e'
          rcases ihr rest parts.2.2 with ⟨there, found⟩
          refine ⟨?_, ?_⟩
          · show (k, v) ∈ entries l ++ entries r
            exact List.mem_append.2 (Or.inr there)
          · intro shaped u hu
            rcases shaped with ⟨_, sr, _, zeros, _, _⟩
            have hu' : (q, u) ∈ entries l ++ entries r := hu
            rcases List.mem_append.1 hu' with left | right
            · have zero : bit i q = false := zeros q ⟨u, left⟩
              rw [parts.1] at c
              exact bits_differ zero c
            · exact found sr u right
        · rw [step_zero branchHash bit q j sibling (climb branchHash bit q (leafHash k v) rest) c] at e'
          have parts := free.branch_once j (climb branchHash bit q (leafHash k v) rest) sibling i
            (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r) e'
          rcases ihl rest parts.2.1 with ⟨there, found⟩
          refine ⟨?_, ?_⟩
          · show (k, v) ∈ entries l ++ entries r
            exact List.mem_append.2 (Or.inl there)
          · intro shaped u hu
            rcases shaped with ⟨sl, _, _, _, ones, _⟩
            have hu' : (q, u) ∈ entries l ++ entries r := hu
            rcases List.mem_append.1 hu' with left | right
            · exact found sl u left
            · have one : bit i q = true := ones q ⟨u, right⟩
              rw [parts.1] at c
              exact absurd one c

/-- What is so of a key. -/
def Truth (t : Option (Trie V)) (q : Nat) : Option V → Prop
  | some v => Kept t (q, v)
  | none => ∀ v, ¬ Kept t (q, v)

/-- What a proof shows under the root of a trie is so in the trie. -/
theorem proofs_tell_the_truth (free : CollisionFree empty leafHash branchHash) (width : Nat) (t : Option (Trie V))
    (q : Nat) (a : Option V) (well : Well bit width t)
    (s : Shows empty leafHash branchHash bit (rootOf empty leafHash branchHash t) q a) : Truth t q a := by
  cases t with
  | none =>
    cases s with
    | nothing _ =>
      show ∀ v : V, ¬ Kept none (q, v)
      exact fun _ k => k
    | present v steps e => exact absurd e (climb_not_empty empty leafHash branchHash bit free q q v steps)
    | absent k v steps _ e => exact absurd e (climb_not_empty empty leafHash branchHash bit free q k v steps)
  | some t =>
    cases s with
    | nothing e =>
      cases t with
      | leaf k v => exact absurd e.symm (free.empty_no_leaf k v)
      | branch i l r =>
        exact absurd e.symm
          (free.empty_no_branch i (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r))
    | present v steps e => exact (walk_ends_at_leaf empty leafHash branchHash bit free width q q v t steps e).1
    | absent k v steps ne e =>
      show ∀ u : V, ¬ Kept (some t) (q, u)
      intro u hu
      exact ne ((walk_ends_at_leaf empty leafHash branchHash bit free width q k v t steps e).2 well u hu).symm

/-- And so is what the verifier takes. -/
theorem verified_is_true (free : CollisionFree empty leafHash branchHash) (width count : Nat) (t : Option (Trie V))
    (q : Nat) (p : KeyProof V H) (a : Option V) (well : Well bit width t)
    (s : Verifies empty leafHash branchHash bit width count (rootOf empty leafHash branchHash t) q p a) : Truth t q a :=
  proofs_tell_the_truth empty leafHash branchHash bit free width t q a well
    (shows_of_showsBy empty leafHash branchHash bit (rootOf empty leafHash branchHash t) q p a s.2)

/-! ### The walk of a key -/

/-- The leaf where it ends, and what lies beside its way. -/
def descend (q : Nat) : Trie V → (Nat × V) × List (Nat × H)
  | Trie.leaf k v => ((k, v), [])
  | Trie.branch i l r =>
    if bit i q = true then ((descend q r).1, (i, nodeRoot leafHash branchHash l) :: (descend q r).2)
    else ((descend q l).1, (i, nodeRoot leafHash branchHash r) :: (descend q l).2)

theorem descend_one (q i : Nat) (l r : Trie V) (h : bit i q = true) :
    descend leafHash branchHash bit q (Trie.branch i l r) =
      ((descend leafHash branchHash bit q r).1,
        (i, nodeRoot leafHash branchHash l) :: (descend leafHash branchHash bit q r).2) := by
  show (if bit i q = true then ((descend leafHash branchHash bit q r).1,
      (i, nodeRoot leafHash branchHash l) :: (descend leafHash branchHash bit q r).2)
    else ((descend leafHash branchHash bit q l).1,
      (i, nodeRoot leafHash branchHash r) :: (descend leafHash branchHash bit q l).2)) = _
  exact if_pos h

theorem descend_zero (q i : Nat) (l r : Trie V) (h : ¬ bit i q = true) :
    descend leafHash branchHash bit q (Trie.branch i l r) =
      ((descend leafHash branchHash bit q l).1,
        (i, nodeRoot leafHash branchHash r) :: (descend leafHash branchHash bit q l).2) := by
  show (if bit i q = true then ((descend leafHash branchHash bit q r).1,
      (i, nodeRoot leafHash branchHash l) :: (descend leafHash branchHash bit q r).2)
    else ((descend leafHash branchHash bit q l).1,
      (i, nodeRoot leafHash branchHash r) :: (descend leafHash branchHash bit q l).2)) = _
  exact if_neg h

theorem descend_climbs (q : Nat) : ∀ t : Trie V,
    climb branchHash bit q
      (leafHash (descend leafHash branchHash bit q t).1.1 (descend leafHash branchHash bit q t).1.2)
      (descend leafHash branchHash bit q t).2 = nodeRoot leafHash branchHash t := by
  intro t
  induction t with
  | leaf k v => rfl
  | branch i l r ihl ihr =>
    by_cases c : bit i q = true
    · rw [descend_one leafHash branchHash bit q i l r c]
      show step branchHash bit q i (nodeRoot leafHash branchHash l) (climb branchHash bit q
        (leafHash (descend leafHash branchHash bit q r).1.1 (descend leafHash branchHash bit q r).1.2)
        (descend leafHash branchHash bit q r).2) =
          branchHash i (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r)
      rw [ihr]
      exact step_one branchHash bit q i (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r) c
    · rw [descend_zero leafHash branchHash bit q i l r c]
      show step branchHash bit q i (nodeRoot leafHash branchHash r) (climb branchHash bit q
        (leafHash (descend leafHash branchHash bit q l).1.1 (descend leafHash branchHash bit q l).1.2)
        (descend leafHash branchHash bit q l).2) =
          branchHash i (nodeRoot leafHash branchHash l) (nodeRoot leafHash branchHash r)
      rw [ihl]
      exact step_zero branchHash bit q i (nodeRoot leafHash branchHash r) (nodeRoot leafHash branchHash l) c

/-- Below a branch stand branches of later bits only. -/
theorem branch_later (width i : Nat) (l r t : Trie V) (s : Shaped bit width (Trie.branch i l r))
    (inside : ∀ x, Has t x → Has l x ∨ Has r x) (alike : ∀ x y, Has t x → Has t y → bit i x = bit i y)
    (shaped : Shaped bit width t) (j : Nat) (l' r' : Trie V) (e : t = Trie.branch j l' r') : i < j := by
  rw [e] at inside alike shaped
  rcases s with ⟨_, _, _, _, _, same⟩
  rcases shaped with ⟨_, _, _, zeros, ones, _⟩
  rcases some_key l' with ⟨x, hx⟩
  rcases some_key r' with ⟨y, hy⟩
  have tx : Has (Trie.branch j l' r') x := (has_branch j l' r' x).2 (Or.inl hx)
  have ty : Has (Trie.branch j l' r') y := (has_branch j l' r' y).2 (Or.inr hy)
  have zero : bit j x = false := zeros x hx
  have one : bit j y = true := ones y hy
  rcases Nat.lt_trichotomy i j with h | h | h
  · exact h
  · rw [← h] at zero one
    exact bits_differ ((alike x y tx ty).symm.trans zero) one
  · exact bits_differ ((same j x y h (inside x tx) (inside y ty)).symm.trans zero) one

theorem steps_later (q i : Nat) (t : Trie V) (later : ∀ j l r, t = Trie.branch j l r → i < j)
    (deeper : Deeper (descend leafHash branchHash bit q t).2) :
    ∀ s, s ∈ (descend leafHash branchHash bit q t).2 → i < s.1 := by
  cases t with
  | leaf k v =>
    intro s hs
    have hs' : s ∈ ([] : List (Nat × H)) := hs
    exact nowhere hs'
  | branch j l r =>
    have ij : i < j := later j l r rfl
    intro s hs
    by_cases c : bit j q = true
    · rw [descend_one leafHash branchHash bit q j l r c] at hs deeper
      have d : (∀ x, x ∈ (descend leafHash branchHash bit q r).2 → j < x.1) ∧
        Deeper (descend leafHash branchHash bit q r).2 := deeper
      rcases List.mem_cons.1 hs with h | h
      · rw [h]
        exact ij
      · exact Nat.lt_trans ij (d.1 s h)
    · rw [descend_zero leafHash branchHash bit q j l r c] at hs deeper
      have d : (∀ x, x ∈ (descend leafHash branchHash bit q l).2 → j < x.1) ∧
        Deeper (descend leafHash branchHash bit q l).2 := deeper
      rcases List.mem_cons.1 hs with h | h
      · rw [h]
        exact ij
      · exact Nat.lt_trans ij (d.1 s h)

theorem len_pos (t : Trie V) : 0 < len (entries t) := by
  induction t with
  | leaf k v => exact Nat.succ_pos 0
  | branch i l r ihl _ =>
    have e : len (entries (Trie.branch i l r)) = len (entries l) + len (entries r) :=
      len_append (entries r) (entries l)
    omega

/-- One step more, above steps that are good. -/
theorem good_above (width count more q k i : Nat) (node : H) (steps : List (Nat × H)) (pos : 0 < more)
    (inside : i < width) (way : bit i k = bit i q) (later : ∀ s, s ∈ steps → i < s.1)
    (good : GoodSteps bit width count q k steps) : GoodSteps bit width (count + more) q k ((i, node) :: steps) := by
  have few : len steps < count := good.few
  refine GoodSteps.mk ?_ ?_ ⟨later, good.deeper⟩ ?_ ?_
  · show len steps + 1 < count + more
    omega
  · intro _ h
    cases h
  · intro s hs
    rcases List.mem_cons.1 hs with h | h
    · rw [h]
      exact inside
    · exact good.inside s h
  · intro s hs
    rcases List.mem_cons.1 hs with h | h
    · rw [h]
      exact way
    · exact good.way s h

theorem walk_well_formed (width q : Nat) : ∀ t : Trie V, Shaped bit width t →
    GoodSteps bit width (len (entries t)) q (descend leafHash branchHash bit q t).1.1
        (descend leafHash branchHash bit q t).2 ∧
      (descend leafHash branchHash bit q t).1 ∈ entries t := by
  intro t
  induction t with
  | leaf k v =>
    intro _
    refine ⟨GoodSteps.mk (Nat.succ_pos 0) ?_ True.intro (fun s hs => nowhere hs) (fun s hs => nowhere hs),
      mem_head (k, v) []⟩
    intro h
    have h' : 0 + 1 < 0 + 1 := h
    exact absurd h' (Nat.lt_irrefl (0 + 1))
  | branch i l r ihl ihr =>
    intro shaped
    have parts := shaped
    rcases parts with ⟨sl, sr, inside, zeros, ones, _⟩
    have size : len (entries (Trie.branch i l r)) = len (entries l) + len (entries r) :=
      len_append (entries r) (entries l)
    by_cases c : bit i q = true
    · rw [descend_one leafHash branchHash bit q i l r c, size]
      rcases ihr sr with ⟨good, there⟩
      have has : Has r (descend leafHash branchHash bit q r).1.1 :=
        has_entry r (descend leafHash branchHash bit q r).1 there
      have later := steps_later leafHash branchHash bit q i r
        (branch_later bit width i l r r shaped (fun x hx => Or.inr hx)
          (fun x y hx hy => (ones x hx).trans (ones y hy).symm) sr) good.deeper
      have more := good_above bit width (len (entries r)) (len (entries l)) q
        (descend leafHash branchHash bit q r).1.1 i (nodeRoot leafHash branchHash l)
        (descend leafHash branchHash bit q r).2 (len_pos l) inside ((ones _ has).trans c.symm) later good
      rw [Nat.add_comm (len (entries r)) (len (entries l))] at more
      refine ⟨more, ?_⟩
      show (descend leafHash branchHash bit q r).1 ∈ entries l ++ entries r
      exact List.mem_append.2 (Or.inr there)
    · rw [descend_zero leafHash branchHash bit q i l r c, size]
      rcases ihl sl with ⟨good, there⟩
      have has : Has l (descend leafHash branchHash bit q l).1.1 :=
        has_entry l (descend leafHash branchHash bit q l).1 there
      have later := steps_later leafHash branchHash bit q i l
        (branch_later bit width i l r l shaped (fun x hx => Or.inl hx)
          (fun x y hx hy => (zeros x hx).trans (zeros y hy).symm) sl) good.deeper
      have more := good_above bit width (len (entries l)) (len (entries r)) q
        (descend leafHash branchHash bit q l).1.1 i (nodeRoot leafHash branchHash r)
        (descend leafHash branchHash bit q l).2 (len_pos r) inside
        ((zeros _ has).trans (zero_of_not_one c).symm) later good
      refine ⟨more, ?_⟩
      show (descend leafHash branchHash bit q l).1 ∈ entries l ++ entries r
      exact List.mem_append.2 (Or.inl there)

/-- How many entries there are. -/
def size : Option (Trie V) → Nat
  | none => 0
  | some t => len (entries t)

/-- Of every key there is a proof that a verifier takes. -/
theorem honest_proofs_verify (width : Nat) (t : Option (Trie V)) (q : Nat) (well : Well bit width t) :
    ∃ p a, Verifies empty leafHash branchHash bit width (size t) (rootOf empty leafHash branchHash t) q p a := by
  cases t with
  | none => exact ⟨KeyProof.mk none [], none, ⟨rfl, rfl⟩, ShowsBy.nothing rfl⟩
  | some t =>
    have good := (walk_well_formed leafHash branchHash bit width q t well).1
    have climbs := descend_climbs leafHash branchHash bit q t
    by_cases c : (descend leafHash branchHash bit q t).1.1 = q
    · rw [c] at good climbs
      exact ⟨KeyProof.mk (some (q, (descend leafHash branchHash bit q t).1.2)) (descend leafHash branchHash bit q t).2,
        some (descend leafHash branchHash bit q t).1.2, good,
        ShowsBy.present (descend leafHash branchHash bit q t).1.2 (descend leafHash branchHash bit q t).2 climbs⟩
    · exact ⟨KeyProof.mk (some ((descend leafHash branchHash bit q t).1.1, (descend leafHash branchHash bit q t).1.2))
          (descend leafHash branchHash bit q t).2, none, good,
        ShowsBy.absent (descend leafHash branchHash bit q t).1.1 (descend leafHash branchHash bit q t).1.2
          (descend leafHash branchHash bit q t).2 c climbs⟩

/-- A proof shows of every key what is so. -/
theorem every_key_has_a_proof (width : Nat) (t : Option (Trie V)) (q : Nat) (well : Well bit width t) :
    ∃ a, Shows empty leafHash branchHash bit (rootOf empty leafHash branchHash t) q a := by
  rcases honest_proofs_verify empty leafHash branchHash bit width t q well with ⟨p, a, v⟩
  exact ⟨a, shows_of_showsBy empty leafHash branchHash bit (rootOf empty leafHash branchHash t) q p a v.2⟩

theorem presence_excludes_absence (free : CollisionFree empty leafHash branchHash) (root : H) (q : Nat) (v : V)
    (present : Shows empty leafHash branchHash bit root q (some v))
    (absent : Shows empty leafHash branchHash bit root q none) : False := by
  have same : some v = none := one_answer_per_root empty leafHash branchHash bit free root q (some v) none present absent
  cases same

end Walks

/-! ### That no two nodes have one hash can be had: by hashes that keep all that they hash -/

inductive KeptHash (V : Type) where
  | empty
  | leaf (k : Nat) (v : V)
  | branch (i : Nat) (l r : KeptHash V)

theorem collision_free_is_possible (V : Type) :
    CollisionFree (KeptHash.empty : KeptHash V) (fun k v => KeptHash.leaf k v)
      (fun i l r => KeptHash.branch i l r) := by
  refine CollisionFree.mk ?_ ?_ ?_ ?_ ?_
  · intro k v k' v' e
    have e' : KeptHash.leaf k v = KeptHash.leaf k' v' := e
    injection e' with a b
    exact ⟨a, b⟩
  · intro i l r i' l' r' e
    have e' : KeptHash.branch i l r = KeptHash.branch i' l' r' := e
    injection e' with a b c
    exact ⟨a, b, c⟩
  · intro k v i l r e
    have e' : KeptHash.leaf k v = KeptHash.branch i l r := e
    cases e'
  · intro k v e
    have e' : (KeptHash.empty : KeptHash V) = KeptHash.leaf k v := e
    cases e'
  · intro i l r e
    have e' : KeptHash.empty = KeptHash.branch i l r := e
    cases e'

end Omega
