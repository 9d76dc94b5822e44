import Omega.Trie
import Omega.Bits

/-!
Inserting into a crit-bit trie: the shape holds, and what is in it is what was put in.
-/

namespace Omega

def firstKey {V : Type} : Trie V → Nat
  | Trie.leaf k _ => k
  | Trie.branch _ l _ => firstKey l

def beside {V : Type} (bit : Nat → Nat → Bool) (i k : Nat) (v : V) (t : Trie V) : Trie V :=
  if bit i k = true then Trie.branch i t (Trie.leaf k v) else Trie.branch i (Trie.leaf k v) t

/-- Inserts, or replaces by key. -/
def insertKey {V : Type} (bit : Nat → Nat → Bool) (width k : Nat) (v : V) : Trie V → Trie V
  | Trie.leaf x w =>
    if k = x then Trie.leaf k v else beside bit (divergence bit width k x) k v (Trie.leaf x w)
  | Trie.branch i l r =>
    if ¬ k = firstKey l ∧ divergence bit width k (firstKey l) < i then
      beside bit (divergence bit width k (firstKey l)) k v (Trie.branch i l r)
    else if bit i k = true then Trie.branch i l (insertKey bit width k v r)
    else Trie.branch i (insertKey bit width k v l) r

theorem has_first {V : Type} (t : Trie V) : Has t (firstKey t) := by
  induction t with
  | leaf k v => exact (has_leaf k v k).2 rfl
  | branch i l r ihl _ => exact (has_branch i l r (firstKey l)).2 (Or.inl ihl)

theorem shaped_fits {V : Type} (bit : Nat → Nat → Bool) (width : Nat) (t : Trie V) :
    Shaped bit width t → ∀ k, Has t k → k < 2 ^ width := by
  induction t with
  | leaf x w =>
    intro s k hk
    have s' : x < 2 ^ width := s
    rw [(has_leaf x w k).1 hk]
    exact s'
  | branch i l r ihl ihr =>
    intro s k hk
    rcases s with ⟨sl, sr, _, _, _, _⟩
    rcases (has_branch i l r k).1 hk with h | h
    · exact ihl sl k h
    · exact ihr sr k h

theorem zero_of_not_one {b : Bool} (h : ¬ b = true) : b = false := by
  cases b with
  | true => exact absurd rfl h
  | false => rfl

/-- Of three bits two are the same. -/
theorem third_bit {a b c : Bool} (h : ¬ a = b) (h' : c = b) : ¬ c = a := by
  intro same
  exact h (same.symm.trans h')

/-! ### Beside -/

theorem beside_one {V : Type} (bit : Nat → Nat → Bool) (i k : Nat) (v : V) (t : Trie V) (h : bit i k = true) :
    beside bit i k v t = Trie.branch i t (Trie.leaf k v) := by
  show (if bit i k = true then Trie.branch i t (Trie.leaf k v) else Trie.branch i (Trie.leaf k v) t) =
    Trie.branch i t (Trie.leaf k v)
  exact if_pos h

theorem beside_zero {V : Type} (bit : Nat → Nat → Bool) (i k : Nat) (v : V) (t : Trie V) (h : ¬ bit i k = true) :
    beside bit i k v t = Trie.branch i (Trie.leaf k v) t := by
  show (if bit i k = true then Trie.branch i t (Trie.leaf k v) else Trie.branch i (Trie.leaf k v) t) =
    Trie.branch i (Trie.leaf k v) t
  exact if_neg h

theorem beside_entries {V : Type} (bit : Nat → Nat → Bool) (i k : Nat) (v : V) (t : Trie V) (e : Nat × V) :
    e ∈ entries (beside bit i k v t) ↔ e = (k, v) ∨ e ∈ entries t := by
  by_cases c : bit i k = true
  · rw [beside_one bit i k v t c]
    constructor
    · intro h
      have h' : e ∈ entries t ++ [(k, v)] := h
      rcases List.mem_append.1 h' with h' | h'
      · exact Or.inr h'
      · rcases List.mem_cons.1 h' with h' | h'
        · exact Or.inl h'
        · exact nowhere h'
    · intro h
      show e ∈ entries t ++ [(k, v)]
      rcases h with h | h
      · exact List.mem_append.2 (Or.inr (List.mem_cons.2 (Or.inl h)))
      · exact List.mem_append.2 (Or.inl h)
  · rw [beside_zero bit i k v t c]
    constructor
    · intro h
      have h' : e ∈ [(k, v)] ++ entries t := h
      rcases List.mem_append.1 h' with h' | h'
      · rcases List.mem_cons.1 h' with h' | h'
        · exact Or.inl h'
        · exact nowhere h'
      · exact Or.inr h'
    · intro h
      show e ∈ [(k, v)] ++ entries t
      rcases h with h | h
      · exact List.mem_append.2 (Or.inl (List.mem_cons.2 (Or.inl h)))
      · exact List.mem_append.2 (Or.inr h)

/-- A leaf beside a trie whose keys share all bits up to where the new key parts from them. -/
theorem beside_shaped {V : Type} (bit : Nat → Nat → Bool) (width d k x : Nat) (v : V) (t : Trie V)
    (s : Shaped bit width t) (fits : k < 2 ^ width) (bound : d < width) (differ : ¬ bit d k = bit d x)
    (upto : ∀ j, j < d → bit j k = bit j x) (same : ∀ j y, Has t y → j ≤ d → bit j y = bit j x) :
    Shaped bit width (beside bit d k v t) := by
  have near : ∀ j y, j < d → (Has t y ∨ Has (Trie.leaf k v) y) → bit j y = bit j k := by
    intro j y hj hy
    rcases hy with hy | hy
    · exact (same j y hy (Nat.le_of_lt hj)).trans (upto j hj).symm
    · rw [(has_leaf k v y).1 hy]
  have other : ∀ y, Has t y → ¬ bit d y = bit d k := fun y hy =>
    third_bit differ (same d y hy (Nat.le_refl d))
  have leafShaped : Shaped bit width (Trie.leaf k v) := fits
  by_cases c : bit d k = true
  · rw [beside_one bit d k v t c]
    refine ⟨s, leafShaped, bound, ?_, ?_, ?_⟩
    · intro y hy
      apply zero_of_not_one
      intro one
      exact other y hy (one.trans c.symm)
    · intro y hy
      rw [(has_leaf k v y).1 hy]
      exact c
    · intro j y z hj hy hz
      exact (near j y hj hy).trans (near j z hj hz).symm
  · rw [beside_zero bit d k v t c]
    have zero : bit d k = false := zero_of_not_one c
    refine ⟨leafShaped, s, bound, ?_, ?_, ?_⟩
    · intro y hy
      rw [(has_leaf k v y).1 hy]
      exact zero
    · intro y hy
      by_cases one : bit d y = true
      · exact one
      · exact absurd ((zero_of_not_one one).trans zero.symm) (other y hy)
    · intro j y z hj hy hz
      exact (near j y hj hy.symm).trans (near j z hj hz.symm).symm

end Omega
