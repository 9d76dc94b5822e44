import Omega.Tests

/-!
Bits of numbers of a width, the most significant first, and the first bit in which two numbers differ.
-/

namespace Omega

/-- Bit 0 is the number's most significant. -/
def bitOf (width i k : Nat) : Bool := decide (k / 2 ^ (width - 1 - i) % 2 = 1)

/-- Numbers of the width that have the same bits are the same. -/
def TellsApart (bit : Nat → Nat → Bool) (width : Nat) : Prop :=
  ∀ a b, a < 2 ^ width → b < 2 ^ width → (∀ i, i < width → bit i a = bit i b) → a = b

theorem half_lt (a w : Nat) (h : a < w * 2) : a / 2 < w := by
  omega

theorem halves_tell_apart (a b : Nat) (h : a / 2 = b / 2) (h' : a % 2 = b % 2) : a = b := by
  omega

theorem power_succ (n : Nat) : (2 : Nat) ^ (n + 1) = (2 : Nat) ^ n * 2 := by
  first
    | exact Nat.pow_succ
    | rfl

/-- Numbers whose digits are the same are the same, the least significant first. -/
theorem digits_tell_apart : ∀ width a b : Nat, a < 2 ^ width → b < 2 ^ width →
    (∀ j, j < width → a / 2 ^ j % 2 = b / 2 ^ j % 2) → a = b := by
  intro width
  induction width with
  | zero =>
    intro a b ha hb _
    have ha' : a < 1 := ha
    have hb' : b < 1 := hb
    have a0 : a = 0 := by omega
    have b0 : b = 0 := by omega
    rw [a0, b0]
  | succ width ih =>
    intro a b ha hb same
    have ha' : a < 2 ^ width * 2 := by
      rw [← power_succ width]
      exact ha
    have hb' : b < 2 ^ width * 2 := by
      rw [← power_succ width]
      exact hb
    have halves : a / 2 = b / 2 := by
      refine ih (a / 2) (b / 2) (half_lt a (2 ^ width) ha') (half_lt b (2 ^ width) hb') ?_
      intro j hj
      have q : 2 * 2 ^ j = 2 ^ (j + 1) := ((power_succ j).trans (Nat.mul_comm (2 ^ j) 2)).symm
      rw [Nat.div_div_eq_div_mul, Nat.div_div_eq_div_mul, q]
      exact same (j + 1) (Nat.succ_lt_succ hj)
    have last : a / 1 % 2 = b / 1 % 2 := same 0 (Nat.succ_pos width)
    rw [Nat.div_one, Nat.div_one] at last
    exact halves_tell_apart a b halves last

theorem parity_eq (x y : Nat) (hx : x < 2) (hy : y < 2) (h : decide (x = 1) = decide (y = 1)) : x = y := by
  by_cases x1 : x = 1
  · have t : decide (y = 1) = true := h.symm.trans (decide_eq_true x1)
    exact x1.trans (of_decide_eq_true t).symm
  · by_cases y1 : y = 1
    · have t : decide (x = 1) = true := h.trans (decide_eq_true y1)
      exact absurd (of_decide_eq_true t) x1
    · omega

theorem bits_tell_apart (width : Nat) : TellsApart (bitOf width) width := by
  intro a b ha hb same
  refine digits_tell_apart width a b ha hb ?_
  intro j hj
  have back : width - 1 - (width - 1 - j) = j := by omega
  have h : decide (a / 2 ^ (width - 1 - (width - 1 - j)) % 2 = 1) =
      decide (b / 2 ^ (width - 1 - (width - 1 - j)) % 2 = 1) := same (width - 1 - j) (by omega)
  rw [back] at h
  exact parity_eq (a / 2 ^ j % 2) (b / 2 ^ j % 2) (Nat.mod_lt (a / 2 ^ j) (Nat.succ_pos 1))
    (Nat.mod_lt (b / 2 ^ j) (Nat.succ_pos 1)) h

/-! ### Where two keys part -/

/-- The first bit from `i` on in which they differ, of `n` bits. -/
def firstDiff (bit : Nat → Nat → Bool) (a b : Nat) : Nat → Nat → Nat
  | 0, i => i
  | n + 1, i => if bit i a = bit i b then firstDiff bit a b n (i + 1) else i

theorem firstDiff_on (bit : Nat → Nat → Bool) (a b n i : Nat) (h : bit i a = bit i b) :
    firstDiff bit a b (n + 1) i = firstDiff bit a b n (i + 1) := by
  show (if bit i a = bit i b then firstDiff bit a b n (i + 1) else i) = firstDiff bit a b n (i + 1)
  exact if_pos h

theorem firstDiff_here (bit : Nat → Nat → Bool) (a b n i : Nat) (h : ¬ bit i a = bit i b) :
    firstDiff bit a b (n + 1) i = i := by
  show (if bit i a = bit i b then firstDiff bit a b n (i + 1) else i) = i
  exact if_neg h

theorem firstDiff_spec (bit : Nat → Nat → Bool) (a b : Nat) : ∀ n i : Nat,
    (∃ j, i ≤ j ∧ j < i + n ∧ ¬ bit j a = bit j b) →
      i ≤ firstDiff bit a b n i ∧ firstDiff bit a b n i < i + n ∧
      ¬ bit (firstDiff bit a b n i) a = bit (firstDiff bit a b n i) b ∧
      ∀ j, i ≤ j → j < firstDiff bit a b n i → bit j a = bit j b := by
  intro n
  induction n with
  | zero =>
    intro i h
    rcases h with ⟨j, ij, ji, _⟩
    exact absurd ij (Nat.not_le.2 ji)
  | succ n ih =>
    intro i h
    by_cases c : bit i a = bit i b
    · rcases h with ⟨j, ij, ji, differ⟩
      have ne : ¬ j = i := by
        intro same
        rw [same] at differ
        exact differ c
      have ij' : i + 1 ≤ j := by omega
      have ji' : j < i + 1 + n := by omega
      rcases ih (i + 1) ⟨j, ij', ji', differ⟩ with ⟨f1, f2, f3, f4⟩
      rw [firstDiff_on bit a b n i c]
      have widen : i + 1 + n ≤ i + (n + 1) := by omega
      refine ⟨Nat.le_trans (Nat.le_succ i) f1, Nat.lt_of_lt_of_le f2 widen, f3, ?_⟩
      intro k ik kd
      by_cases same : k = i
      · rw [same]
        exact c
      · exact f4 k (by omega) kd
    · rw [firstDiff_here bit a b n i c]
      refine ⟨Nat.le_refl i, by omega, c, ?_⟩
      intro k ik ki
      exact absurd ki (Nat.not_lt.2 ik)

def divergence (bit : Nat → Nat → Bool) (width a b : Nat) : Nat := firstDiff bit a b width 0

theorem same_or_differ (bit : Nat → Nat → Bool) (a b : Nat) : ∀ n : Nat,
    (∀ j, j < n → bit j a = bit j b) ∨ ∃ j, j < n ∧ ¬ bit j a = bit j b := by
  intro n
  induction n with
  | zero =>
    refine Or.inl ?_
    intro j hj
    exact absurd hj (Nat.not_lt_zero j)
  | succ n ih =>
    rcases ih with ih | ih
    · by_cases c : bit n a = bit n b
      · refine Or.inl ?_
        intro j hj
        by_cases same : j = n
        · rw [same]
          exact c
        · exact ih j (by omega)
      · exact Or.inr ⟨n, Nat.lt_succ_self n, c⟩
    · rcases ih with ⟨j, hj, differ⟩
      exact Or.inr ⟨j, Nat.lt_trans hj (Nat.lt_succ_self n), differ⟩

theorem divergence_spec (bit : Nat → Nat → Bool) (width : Nat) (tells : TellsApart bit width) (a b : Nat)
    (ha : a < 2 ^ width) (hb : b < 2 ^ width) (ne : ¬ a = b) :
    divergence bit width a b < width ∧
      ¬ bit (divergence bit width a b) a = bit (divergence bit width a b) b ∧
      ∀ j, j < divergence bit width a b → bit j a = bit j b := by
  rcases same_or_differ bit a b width with h | h
  · exact absurd (tells a b ha hb h) ne
  · rcases h with ⟨j, hj, differ⟩
    have found : 0 ≤ divergence bit width a b ∧ divergence bit width a b < 0 + width ∧
        ¬ bit (divergence bit width a b) a = bit (divergence bit width a b) b ∧
        ∀ j, 0 ≤ j → j < divergence bit width a b → bit j a = bit j b :=
      firstDiff_spec bit a b width 0 ⟨j, Nat.zero_le j, by omega, differ⟩
    refine ⟨?_, found.2.2.1, fun k hk => found.2.2.2 k (Nat.zero_le k) hk⟩
    have bound : divergence bit width a b < 0 + width := found.2.1
    rw [Nat.zero_add] at bound
    exact bound

end Omega
