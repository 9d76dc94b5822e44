import Omega.Insert

/-!
After an insertion: the trie has its shape, and holds what it held with the key's old value replaced.
-/

namespace Omega

/-- What an insertion of `k` with `v` makes of a trie's entries. -/
def Replaced {V : Type} (k : Nat) (v : V) (t t' : Trie V) : Prop :=
  ∀ e, e ∈ entries t' ↔ e = (k, v) ∨ (e ∈ entries t ∧ ¬ e.1 = k)

theorem has_replaced {V : Type} (k : Nat) (v : V) (t t' : Trie V) (h : Replaced k v t t') (y : Nat) (hy : Has t' y) :
    y = k ∨ Has t y := by
  rcases hy with ⟨u, hu⟩
  rcases (h (y, u)).1 hu with e | e
  · have f := congrArg Prod.fst e
    exact Or.inl f
  · exact Or.inr ⟨u, e.1⟩

theorem beside_replaced {V : Type} (bit : Nat → Nat → Bool) (d k : Nat) (v : V) (t : Trie V)
    (others : ∀ y, Has t y → ¬ y = k) : Replaced k v t (beside bit d k v t) := by
  intro e
  constructor
  · intro h
    rcases (beside_entries bit d k v t e).1 h with h | h
    · exact Or.inl h
    · exact Or.inr ⟨h, others e.1 (has_entry t e h)⟩
  · intro h
    rcases h with h | h
    · exact (beside_entries bit d k v t e).2 (Or.inl h)
    · exact (beside_entries bit d k v t e).2 (Or.inr h.1)

theorem leaf_replaced {V : Type} (k : Nat) (v w : V) : Replaced k v (Trie.leaf k w) (Trie.leaf k v) := by
  intro e
  constructor
  · intro h
    have h' : e ∈ [(k, v)] := h
    rcases List.mem_cons.1 h' with h' | h'
    · exact Or.inl h'
    · exact nowhere h'
  · intro h
    show e ∈ [(k, v)]
    rcases h with h | h
    · exact List.mem_cons.2 (Or.inl h)
    · exact absurd ((has_leaf k w e.1).1 (has_entry (Trie.leaf k w) e h.1)) h.2

/-- The key is put among the ones. -/
theorem ones_replaced {V : Type} (k : Nat) (v : V) (i : Nat) (l r r' : Trie V) (apart : ∀ y, Has l y → ¬ y = k)
    (h : Replaced k v r r') : Replaced k v (Trie.branch i l r) (Trie.branch i l r') := by
  intro e
  constructor
  · intro he
    have he' : e ∈ entries l ++ entries r' := he
    rcases List.mem_append.1 he' with m | m
    · have whole : e ∈ entries l ++ entries r := List.mem_append.2 (Or.inl m)
      exact Or.inr ⟨whole, apart e.1 (has_entry l e m)⟩
    · rcases (h e).1 m with m | m
      · exact Or.inl m
      · have whole : e ∈ entries l ++ entries r := List.mem_append.2 (Or.inr m.1)
        exact Or.inr ⟨whole, m.2⟩
  · intro he
    show e ∈ entries l ++ entries r'
    rcases he with he | he
    · exact List.mem_append.2 (Or.inr ((h e).2 (Or.inl he)))
    · have whole : e ∈ entries l ++ entries r := he.1
      rcases List.mem_append.1 whole with m | m
      · exact List.mem_append.2 (Or.inl m)
      · exact List.mem_append.2 (Or.inr ((h e).2 (Or.inr ⟨m, he.2⟩)))

/-- The key is put among the zeros. -/
theorem zeros_replaced {V : Type} (k : Nat) (v : V) (i : Nat) (l r l' : Trie V) (apart : ∀ y, Has r y → ¬ y = k)
    (h : Replaced k v l l') : Replaced k v (Trie.branch i l r) (Trie.branch i l' r) := by
  intro e
  constructor
  · intro he
    have he' : e ∈ entries l' ++ entries r := he
    rcases List.mem_append.1 he' with m | m
    · rcases (h e).1 m with m | m
      · exact Or.inl m
      · have whole : e ∈ entries l ++ entries r := List.mem_append.2 (Or.inl m.1)
        exact Or.inr ⟨whole, m.2⟩
    · have whole : e ∈ entries l ++ entries r := List.mem_append.2 (Or.inr m)
      exact Or.inr ⟨whole, apart e.1 (has_entry r e m)⟩
  · intro he
    show e ∈ entries l' ++ entries r
    rcases he with he | he
    · exact List.mem_append.2 (Or.inl ((h e).2 (Or.inl he)))
    · have whole : e ∈ entries l ++ entries r := he.1
      rcases List.mem_append.1 whole with m | m
      · exact List.mem_append.2 (Or.inl ((h e).2 (Or.inr ⟨m, he.2⟩)))
      · exact List.mem_append.2 (Or.inr m)

/-- Above the branch the key has the bits that all keys below it have. -/
theorem above_branch {V : Type} (bit : Nat → Nat → Bool) (width : Nat) (tells : TellsApart bit width) (k : Nat)
    (fits : k < 2 ^ width) (i : Nat) (l r : Trie V) (s : Shaped bit width (Trie.branch i l r))
    (c : ¬ (¬ k = firstKey l ∧ divergence bit width k (firstKey l) < i)) :
    ∀ j y, j < i → (Has l y ∨ Has r y) → bit j y = bit j k := by
  rcases s with ⟨sl, _, _, _, _, same⟩
  have h0 : Has l (firstKey l) := has_first l
  have f0 : firstKey l < 2 ^ width := shaped_fits bit width l sl (firstKey l) h0
  have leads : ∀ j, j < i → bit j k = bit j (firstKey l) := by
    intro j hj
    by_cases e : k = firstKey l
    · exact congrArg (bit j) e
    · rcases divergence_spec bit width tells k (firstKey l) fits f0 e with ⟨_, _, upto⟩
      have le : i ≤ divergence bit width k (firstKey l) := Nat.not_lt.1 (fun less => c ⟨e, less⟩)
      exact upto j (Nat.lt_of_lt_of_le hj le)
  intro j y hj hy
  exact (same j y (firstKey l) hj hy (Or.inl h0)).trans (leads j hj).symm

theorem insert_above {V : Type} (bit : Nat → Nat → Bool) (width k : Nat) (v : V) (i : Nat) (l r : Trie V)
    (c : ¬ k = firstKey l ∧ divergence bit width k (firstKey l) < i) :
    insertKey bit width k v (Trie.branch i l r) =
      beside bit (divergence bit width k (firstKey l)) k v (Trie.branch i l r) := by
  show (if ¬ k = firstKey l ∧ divergence bit width k (firstKey l) < i then
      beside bit (divergence bit width k (firstKey l)) k v (Trie.branch i l r)
    else if bit i k = true then Trie.branch i l (insertKey bit width k v r)
    else Trie.branch i (insertKey bit width k v l) r) =
      beside bit (divergence bit width k (firstKey l)) k v (Trie.branch i l r)
  exact if_pos c

theorem insert_below {V : Type} (bit : Nat → Nat → Bool) (width k : Nat) (v : V) (i : Nat) (l r : Trie V)
    (c : ¬ (¬ k = firstKey l ∧ divergence bit width k (firstKey l) < i)) :
    insertKey bit width k v (Trie.branch i l r) =
      if bit i k = true then Trie.branch i l (insertKey bit width k v r)
      else Trie.branch i (insertKey bit width k v l) r := by
  show (if ¬ k = firstKey l ∧ divergence bit width k (firstKey l) < i then
      beside bit (divergence bit width k (firstKey l)) k v (Trie.branch i l r)
    else if bit i k = true then Trie.branch i l (insertKey bit width k v r)
    else Trie.branch i (insertKey bit width k v l) r) =
      if bit i k = true then Trie.branch i l (insertKey bit width k v r)
      else Trie.branch i (insertKey bit width k v l) r
  exact if_neg c

/-- An insertion keeps the shape and replaces one entry. -/
theorem insert_shaped_and_replaced {V : Type} (bit : Nat → Nat → Bool) (width : Nat) (tells : TellsApart bit width)
    (k : Nat) (v : V) (fits : k < 2 ^ width) : ∀ t : Trie V, Shaped bit width t →
      Shaped bit width (insertKey bit width k v t) ∧ Replaced k v t (insertKey bit width k v t) := by
  intro t
  induction t with
  | leaf x w =>
    intro s
    have fx : x < 2 ^ width := s
    by_cases c : k = x
    · have same : insertKey bit width k v (Trie.leaf x w) = Trie.leaf k v := by
        show (if k = x then Trie.leaf k v else beside bit (divergence bit width k x) k v (Trie.leaf x w)) =
          Trie.leaf k v
        exact if_pos c
      rw [same, ← c]
      exact ⟨fits, leaf_replaced k v w⟩
    · have same : insertKey bit width k v (Trie.leaf x w) =
          beside bit (divergence bit width k x) k v (Trie.leaf x w) := by
        show (if k = x then Trie.leaf k v else beside bit (divergence bit width k x) k v (Trie.leaf x w)) =
          beside bit (divergence bit width k x) k v (Trie.leaf x w)
        exact if_neg c
      rw [same]
      rcases divergence_spec bit width tells k x fits fx c with ⟨bound, differ, upto⟩
      constructor
      · refine beside_shaped bit width (divergence bit width k x) k x v (Trie.leaf x w) s fits bound differ upto ?_
        intro j y hy _
        rw [(has_leaf x w y).1 hy]
      · refine beside_replaced bit (divergence bit width k x) k v (Trie.leaf x w) ?_
        intro y hy e
        exact c (e.symm.trans ((has_leaf x w y).1 hy))
  | branch i l r ihl ihr =>
    intro s
    have whole : Shaped bit width (Trie.branch i l r) := s
    rcases s with ⟨sl, sr, bound, zeros, ones, same⟩
    have h0 : Has l (firstKey l) := has_first l
    have f0 : firstKey l < 2 ^ width := shaped_fits bit width l sl (firstKey l) h0
    by_cases c : ¬ k = firstKey l ∧ divergence bit width k (firstKey l) < i
    · rw [insert_above bit width k v i l r c]
      rcases divergence_spec bit width tells k (firstKey l) fits f0 c.1 with ⟨db, differ, upto⟩
      have near : ∀ j y, Has (Trie.branch i l r) y → j ≤ divergence bit width k (firstKey l) →
          bit j y = bit j (firstKey l) := by
        intro j y hy hj
        exact same j y (firstKey l) (Nat.lt_of_le_of_lt hj c.2) ((has_branch i l r y).1 hy) (Or.inl h0)
      constructor
      · exact beside_shaped bit width (divergence bit width k (firstKey l)) k (firstKey l) v (Trie.branch i l r)
          whole fits db differ upto near
      · refine beside_replaced bit (divergence bit width k (firstKey l)) k v (Trie.branch i l r) ?_
        intro y hy e
        have t := near (divergence bit width k (firstKey l)) y hy (Nat.le_refl _)
        rw [e] at t
        exact differ t
    · have near := above_branch bit width tells k fits i l r whole c
      rw [insert_below bit width k v i l r c]
      by_cases b : bit i k = true
      · rw [if_pos b]
        rcases ihr sr with ⟨sr', er⟩
        constructor
        · refine ⟨sl, sr', bound, zeros, ?_, ?_⟩
          · intro y hy
            rcases has_replaced k v r (insertKey bit width k v r) er y hy with e | h
            · rw [e]
              exact b
            · exact ones y h
          · have near' : ∀ j y, j < i → (Has l y ∨ Has (insertKey bit width k v r) y) → bit j y = bit j k := by
              intro j y hj hy
              rcases hy with hy | hy
              · exact near j y hj (Or.inl hy)
              · rcases has_replaced k v r (insertKey bit width k v r) er y hy with e | h
                · rw [e]
                · exact near j y hj (Or.inr h)
            intro j y z hj hy hz
            exact (near' j y hj hy).trans (near' j z hj hz).symm
        · refine ones_replaced k v i l r (insertKey bit width k v r) ?_ er
          intro y hy e
          have z := zeros y hy
          rw [e] at z
          exact bits_differ z b
      · rw [if_neg b]
        have zero : bit i k = false := zero_of_not_one b
        rcases ihl sl with ⟨sl', el⟩
        constructor
        · refine ⟨sl', sr, bound, ?_, ones, ?_⟩
          · intro y hy
            rcases has_replaced k v l (insertKey bit width k v l) el y hy with e | h
            · rw [e]
              exact zero
            · exact zeros y h
          · have near' : ∀ j y, j < i → (Has (insertKey bit width k v l) y ∨ Has r y) → bit j y = bit j k := by
              intro j y hj hy
              rcases hy with hy | hy
              · rcases has_replaced k v l (insertKey bit width k v l) el y hy with e | h
                · rw [e]
                · exact near j y hj (Or.inl h)
              · exact near j y hj (Or.inr hy)
            intro j y z hj hy hz
            exact (near' j y hj hy).trans (near' j z hj hz).symm
        · refine zeros_replaced k v i l r (insertKey bit width k v l) ?_ el
          intro y hy e
          have o := ones y hy
          rw [e] at o
          exact bits_differ zero o

end Omega
