import Omega.Tests

/-!
The crit-bit trie: one shape for each set of keys. `schemas/state.md`, "Tries".
-/

namespace Omega

inductive Trie (V : Type) where
  | leaf (k : Nat) (v : V)
  | branch (i : Nat) (zeros ones : Trie V)

def entries {V : Type} : Trie V → List (Nat × V)
  | Trie.leaf k v => [(k, v)]
  | Trie.branch _ l r => entries l ++ entries r

def Has {V : Type} (t : Trie V) (k : Nat) : Prop := ∃ v, (k, v) ∈ entries t

/-- A branch stands at the first bit in which any two keys below it differ; `bit i k` is bit `i` of `k`. -/
def Shaped {V : Type} (bit : Nat → Nat → Bool) (width : Nat) : Trie V → Prop
  | Trie.leaf k _ => k < 2 ^ width
  | Trie.branch i l r => Shaped bit width l ∧ Shaped bit width r ∧ i < width ∧
      (∀ k, Has l k → bit i k = false) ∧ (∀ k, Has r k → bit i k = true) ∧
      ∀ j k k', j < i → (Has l k ∨ Has r k) → (Has l k' ∨ Has r k') → bit j k = bit j k'

theorem has_entry {V : Type} (t : Trie V) (e : Nat × V) (h : e ∈ entries t) : Has t e.1 := by
  cases e with
  | mk k v => exact ⟨v, h⟩

theorem has_leaf {V : Type} (k : Nat) (v : V) (x : Nat) : Has (Trie.leaf k v) x ↔ x = k := by
  constructor
  · intro h
    rcases h with ⟨w, hw⟩
    have hw' : (x, w) ∈ [(k, v)] := hw
    rcases List.mem_cons.1 hw' with e | e
    · have f := congrArg Prod.fst e
      exact f
    · exact nowhere e
  · intro h
    refine ⟨v, ?_⟩
    show (x, v) ∈ [(k, v)]
    rw [h]
    exact mem_head (k, v) []

theorem has_branch {V : Type} (i : Nat) (l r : Trie V) (x : Nat) : Has (Trie.branch i l r) x ↔ Has l x ∨ Has r x := by
  constructor
  · intro h
    rcases h with ⟨v, hv⟩
    have hv' : (x, v) ∈ entries l ++ entries r := hv
    rcases List.mem_append.1 hv' with h | h
    · exact Or.inl ⟨v, h⟩
    · exact Or.inr ⟨v, h⟩
  · intro h
    rcases h with h | h
    · rcases h with ⟨v, hv⟩
      refine ⟨v, ?_⟩
      show (x, v) ∈ entries l ++ entries r
      exact List.mem_append.2 (Or.inl hv)
    · rcases h with ⟨v, hv⟩
      refine ⟨v, ?_⟩
      show (x, v) ∈ entries l ++ entries r
      exact List.mem_append.2 (Or.inr hv)

theorem some_key {V : Type} (t : Trie V) : ∃ k, Has t k := by
  induction t with
  | leaf k v => exact ⟨k, (has_leaf k v k).2 rfl⟩
  | branch i l r ihl _ =>
    rcases ihl with ⟨k, hk⟩
    exact ⟨k, (has_branch i l r k).2 (Or.inl hk)⟩

/-- The same entries, so the same keys. -/
theorem has_of_entries {V : Type} (t u : Trie V) (e : ∀ x, x ∈ entries t → x ∈ entries u) (k : Nat) (h : Has t k) :
    Has u k := by
  rcases h with ⟨v, hv⟩
  exact ⟨v, e (k, v) hv⟩

theorem bits_differ {b : Bool} {p : Prop} (h : b = false) (h' : b = true) : p := by
  rw [h] at h'
  exact off h'

/-- A branch has two keys, a leaf has one. -/
theorem leaf_is_no_branch {V : Type} (bit : Nat → Nat → Bool) (width k : Nat) (v : V) (i : Nat) (l r : Trie V)
    (s : Shaped bit width (Trie.branch i l r))
    (e : ∀ x, x ∈ entries (Trie.branch i l r) → x ∈ entries (Trie.leaf k v)) : False := by
  rcases s with ⟨_, _, _, zeros, ones, _⟩
  rcases some_key l with ⟨x, hx⟩
  rcases some_key r with ⟨y, hy⟩
  have xk : x = k := (has_leaf k v x).1
    (has_of_entries (Trie.branch i l r) (Trie.leaf k v) e x ((has_branch i l r x).2 (Or.inl hx)))
  have yk : y = k := (has_leaf k v y).1
    (has_of_entries (Trie.branch i l r) (Trie.leaf k v) e y ((has_branch i l r y).2 (Or.inr hy)))
  have zero : bit i x = false := zeros x hx
  have one : bit i y = true := ones y hy
  rw [xk] at zero
  rw [yk] at one
  exact bits_differ zero one

/-- Of two branches of one set, neither stands before the other. -/
theorem branch_not_before {V : Type} (bit : Nat → Nat → Bool) (width i i' : Nat) (l r l' r' : Trie V)
    (s : Shaped bit width (Trie.branch i l r)) (s' : Shaped bit width (Trie.branch i' l' r'))
    (e : ∀ x, x ∈ entries (Trie.branch i l r) → x ∈ entries (Trie.branch i' l' r')) : ¬ i < i' := by
  intro before
  rcases s with ⟨_, _, _, zeros, ones, _⟩
  rcases s' with ⟨_, _, _, _, _, same⟩
  rcases some_key l with ⟨x, hx⟩
  rcases some_key r with ⟨y, hy⟩
  have hx' : Has l' x ∨ Has r' x := (has_branch i' l' r' x).1
    (has_of_entries (Trie.branch i l r) (Trie.branch i' l' r') e x ((has_branch i l r x).2 (Or.inl hx)))
  have hy' : Has l' y ∨ Has r' y := (has_branch i' l' r' y).1
    (has_of_entries (Trie.branch i l r) (Trie.branch i' l' r') e y ((has_branch i l r y).2 (Or.inr hy)))
  have one : bit i x = true := (same i x y before hx' hy').trans (ones y hy)
  exact bits_differ (zeros x hx) one

theorem left_part {V : Type} (bit : Nat → Nat → Bool) (i : Nat) (l r l' r' : Trie V)
    (zeros : ∀ k, Has l k → bit i k = false) (ones' : ∀ k, Has r' k → bit i k = true)
    (e : ∀ x, x ∈ entries (Trie.branch i l r) → x ∈ entries (Trie.branch i l' r')) :
    ∀ x, x ∈ entries l → x ∈ entries l' := by
  intro x hx
  have here : x ∈ entries (Trie.branch i l r) := by
    show x ∈ entries l ++ entries r
    exact List.mem_append.2 (Or.inl hx)
  have there : x ∈ entries l' ++ entries r' := e x here
  rcases List.mem_append.1 there with h | h
  · exact h
  · exact bits_differ (zeros x.1 (has_entry l x hx)) (ones' x.1 (has_entry r' x h))

theorem right_part {V : Type} (bit : Nat → Nat → Bool) (i : Nat) (l r l' r' : Trie V)
    (ones : ∀ k, Has r k → bit i k = true) (zeros' : ∀ k, Has l' k → bit i k = false)
    (e : ∀ x, x ∈ entries (Trie.branch i l r) → x ∈ entries (Trie.branch i l' r')) :
    ∀ x, x ∈ entries r → x ∈ entries r' := by
  intro x hx
  have here : x ∈ entries (Trie.branch i l r) := by
    show x ∈ entries l ++ entries r
    exact List.mem_append.2 (Or.inr hx)
  have there : x ∈ entries l' ++ entries r' := e x here
  rcases List.mem_append.1 there with h | h
  · exact bits_differ (zeros' x.1 (has_entry l' x h)) (ones x.1 (has_entry r x hx))
  · exact h

/-- Two tries of one set are one trie. -/
theorem one_shape_per_set {V : Type} (bit : Nat → Nat → Bool) (width : Nat) : ∀ t u : Trie V,
    Shaped bit width t → Shaped bit width u → (∀ x, x ∈ entries t ↔ x ∈ entries u) → t = u := by
  intro t
  induction t with
  | leaf k v =>
    intro u _ su e
    cases u with
    | leaf k' v' =>
      have h : (k, v) ∈ entries (Trie.leaf k' v') := (e (k, v)).1 (mem_head (k, v) [])
      have h' : (k, v) ∈ [(k', v')] := h
      rcases List.mem_cons.1 h' with same | same
      · have f1 := congrArg Prod.fst same
        have f2 := congrArg Prod.snd same
        have kk : k = k' := f1
        have vv : v = v' := f2
        rw [kk, vv]
      · exact nowhere same
    | branch i l r => exact False.elim (leaf_is_no_branch bit width k v i l r su (fun x hx => (e x).2 hx))
  | branch i l r ihl ihr =>
    intro u st su e
    cases u with
    | leaf k v => exact False.elim (leaf_is_no_branch bit width k v i l r st (fun x hx => (e x).1 hx))
    | branch i' l' r' =>
      have same : i = i' := by
        rcases Nat.lt_trichotomy i i' with h | h | h
        · exact absurd h (branch_not_before bit width i i' l r l' r' st su (fun x hx => (e x).1 hx))
        · exact h
        · exact absurd h (branch_not_before bit width i' i l' r' l r su st (fun x hx => (e x).2 hx))
      rw [← same] at su e
      rcases st with ⟨sl, sr, _, zeros, ones, _⟩
      rcases su with ⟨sl', sr', _, zeros', ones', _⟩
      have sameZeros : l = l' := ihl l' sl sl' (fun x => Iff.intro
        (left_part bit i l r l' r' zeros ones' (fun y hy => (e y).1 hy) x)
        (left_part bit i l' r' l r zeros' ones (fun y hy => (e y).2 hy) x))
      have sameOnes : r = r' := ihr r' sr sr' (fun x => Iff.intro
        (right_part bit i l r l' r' ones zeros' (fun y hy => (e y).1 hy) x)
        (right_part bit i l' r' l r ones' zeros (fun y hy => (e y).2 hy) x))
      rw [← same, sameZeros, sameOnes]

end Omega
