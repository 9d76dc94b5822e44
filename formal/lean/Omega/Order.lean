/-!
The 224-bit key K as one number, and the number that orders events canonically. Core library only.
-/

namespace Omega

/-- What an event hash covers, with hashes as numbers; `stated` stands for payload length and payload hash. -/
structure Event where
  lamport : Nat
  node : Nat
  stream : Nat
  id : Nat
  prev : Nat
  claim : Option Nat
  stated : Nat
  deps : List Nat
  hash : Nat

/-- The fields are as wide as the format has them. -/
structure InRange (e : Event) : Prop where
  node : e.node < 2 ^ 32
  stream : e.stream < 2 ^ 16
  id : e.id < 2 ^ 128
  hash : e.hash < 2 ^ 256

/-- Ids end here (1003). -/
def idEnd : Nat := 2 ^ 112

theorem idEnd_pos : 0 < idEnd := by
  first
    | exact Nat.two_pow_pos 112
    | decide

/-- K = lamport(64) ‖ node(32) ‖ stream(16) ‖ id(112), the first field in the highest bits. -/
def K (e : Event) : Nat :=
  ((e.lamport * 2 ^ 32 + e.node) * 2 ^ 16 + e.stream) * idEnd + e.id % idEnd

/-- K, and behind it what breaks ties: the full id, then the event hash. -/
def canonical (e : Event) : Nat :=
  (K e * 2 ^ 128 + e.id) * 2 ^ 256 + e.hash

/-- Of two numbers of two digits the greater has no smaller first digit. -/
theorem first_digit_le (base a b c d : Nat) (hb : b < base) (hd : d < base)
    (h : a * base + b ≤ c * base + d) : a ≤ c := by
  by_cases hac : a ≤ c
  · exact hac
  · have hlt : c + 1 ≤ a := by omega
    have hmul : (c + 1) * base ≤ a * base := Nat.mul_le_mul hlt (Nat.le_refl base)
    have hexp : (c + 1) * base = c * base + 1 * base := Nat.add_mul c 1 base
    have hone : 1 * base = base := Nat.one_mul base
    first
      | omega
      | (generalize (c + 1) * base = x at hmul hexp
         generalize 1 * base = y at hexp hone
         generalize a * base = z at h hmul
         generalize c * base = w at h hexp
         omega)

/-- Equal numbers have equal digits. -/
theorem digits_eq (base a b c d : Nat) (hb : b < base) (hd : d < base)
    (h : a * base + b = c * base + d) : a = c ∧ b = d := by
  have h1 : a ≤ c := first_digit_le base a b c d hb hd (Nat.le_of_eq h)
  have h2 : c ≤ a := first_digit_le base c d a b hd hb (Nat.le_of_eq h.symm)
  have hac : a = c := Nat.le_antisymm h1 h2
  subst hac
  exact ⟨rfl, Nat.add_left_cancel h⟩

theorem key_order_total (a b : Event) : K a ≤ K b ∨ K b ≤ K a :=
  Nat.le_total (K a) (K b)

theorem key_order_trans (a b c : Event) (h : K a ≤ K b) (h' : K b ≤ K c) : K a ≤ K c :=
  Nat.le_trans h h'

/-- A greater K has no smaller lamport time. -/
theorem lamport_le_of_K_le (a b : Event) (ha : InRange a) (hb : InRange b) (h : K a ≤ K b) :
    a.lamport ≤ b.lamport := by
  have h0 : ((a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream) * idEnd + a.id % idEnd ≤
      ((b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream) * idEnd + b.id % idEnd := h
  have h1 : (a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream ≤
      (b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream :=
    first_digit_le idEnd ((a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream) (a.id % idEnd)
      ((b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream) (b.id % idEnd)
      (Nat.mod_lt a.id idEnd_pos) (Nat.mod_lt b.id idEnd_pos) h0
  have h2 : a.lamport * 2 ^ 32 + a.node ≤ b.lamport * 2 ^ 32 + b.node :=
    first_digit_le (2 ^ 16) (a.lamport * 2 ^ 32 + a.node) a.stream (b.lamport * 2 ^ 32 + b.node) b.stream
      ha.stream hb.stream h1
  exact first_digit_le (2 ^ 32) a.lamport a.node b.lamport b.node ha.node hb.node h2

/-- With ids in the domain, K tells ids apart. -/
theorem id_eq_of_K_eq (a b : Event) (ha : a.id < idEnd) (hb : b.id < idEnd) (h : K a = K b) :
    a.id = b.id := by
  have h0 : ((a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream) * idEnd + a.id % idEnd =
      ((b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream) * idEnd + b.id % idEnd := h
  have h1 : a.id % idEnd = b.id % idEnd :=
    (digits_eq idEnd ((a.lamport * 2 ^ 32 + a.node) * 2 ^ 16 + a.stream) (a.id % idEnd)
      ((b.lamport * 2 ^ 32 + b.node) * 2 ^ 16 + b.stream) (b.id % idEnd)
      (Nat.mod_lt a.id idEnd_pos) (Nat.mod_lt b.id idEnd_pos) h0).2
  rw [Nat.mod_eq_of_lt ha, Nat.mod_eq_of_lt hb] at h1
  exact h1

/-- Canonical order is total, and only events with one hash tie. -/
theorem canonical_order_total (a b : Event) (ha : InRange a) (hb : InRange b) :
    canonical a < canonical b ∨ a.hash = b.hash ∨ canonical b < canonical a := by
  rcases Nat.lt_trichotomy (canonical a) (canonical b) with h | h | h
  · exact Or.inl h
  · have h0 : (K a * 2 ^ 128 + a.id) * 2 ^ 256 + a.hash = (K b * 2 ^ 128 + b.id) * 2 ^ 256 + b.hash := h
    exact Or.inr (Or.inl
      (digits_eq (2 ^ 256) (K a * 2 ^ 128 + a.id) a.hash (K b * 2 ^ 128 + b.id) b.hash ha.hash hb.hash h0).2)
  · exact Or.inr (Or.inr h)

end Omega
