import Omega.Inserted
import Omega.Sorting

/-!
Histories: the order in which a set was filled leaves no trace in its trie.
-/

namespace Omega

def insertInto {V : Type} (bit : Nat → Nat → Bool) (width : Nat) : Option (Trie V) → Nat × V → Option (Trie V)
  | none, e => some (Trie.leaf e.1 e.2)
  | some t, e => some (insertKey bit width e.1 e.2 t)

def buildOn {V : Type} (bit : Nat → Nat → Bool) (width : Nat) : List (Nat × V) → Option (Trie V) → Option (Trie V)
  | [], t => t
  | e :: h, t => buildOn bit width h (insertInto bit width t e)

/-- The trie that insertions leave, one after the other. -/
def build {V : Type} (bit : Nat → Nat → Bool) (width : Nat) (h : List (Nat × V)) : Option (Trie V) :=
  buildOn bit width h none

def Kept {V : Type} : Option (Trie V) → Nat × V → Prop
  | none, _ => False
  | some t, e => e ∈ entries t

def Well {V : Type} (bit : Nat → Nat → Bool) (width : Nat) : Option (Trie V) → Prop
  | none => True
  | some t => Shaped bit width t

/-- No key comes twice. -/
def OnceEach {V : Type} : List (Nat × V) → Prop
  | [] => True
  | e :: h => (∀ x, x ∈ h → ¬ x.1 = e.1) ∧ OnceEach h

theorem insertInto_fact {V : Type} (bit : Nat → Nat → Bool) (width : Nat) (tells : TellsApart bit width)
    (t : Option (Trie V)) (e : Nat × V) (well : Well bit width t) (fits : e.1 < 2 ^ width)
    (fresh : ∀ x, Kept t x → ¬ x.1 = e.1) :
    Well bit width (insertInto bit width t e) ∧
      ∀ x, Kept (insertInto bit width t e) x ↔ Kept t x ∨ x = e := by
  cases e with
  | mk k v =>
    cases t with
    | none =>
      refine ⟨fits, ?_⟩
      intro x
      constructor
      · intro h
        have h' : x ∈ [(k, v)] := h
        rcases List.mem_cons.1 h' with h' | h'
        · exact Or.inr h'
        · exact nowhere h'
      · intro h
        show x ∈ [(k, v)]
        rcases h with h | h
        · exact False.elim h
        · exact List.mem_cons.2 (Or.inl h)
    | some t =>
      have s : Shaped bit width t := well
      rcases insert_shaped_and_replaced bit width tells k v fits t s with ⟨s', replaced⟩
      refine ⟨s', ?_⟩
      intro x
      constructor
      · intro h
        have h' : x ∈ entries (insertKey bit width k v t) := h
        rcases (replaced x).1 h' with m | m
        · exact Or.inr m
        · exact Or.inl m.1
      · intro h
        show x ∈ entries (insertKey bit width k v t)
        rcases h with h | h
        · have m : x ∈ entries t := h
          have other : ¬ x.1 = k := fresh x h
          exact (replaced x).2 (Or.inr ⟨m, other⟩)
        · exact (replaced x).2 (Or.inl h)

theorem buildOn_fact {V : Type} (bit : Nat → Nat → Bool) (width : Nat) (tells : TellsApart bit width) :
    ∀ (h : List (Nat × V)) (t : Option (Trie V)), Well bit width t → (∀ e, e ∈ h → e.1 < 2 ^ width) → OnceEach h →
      (∀ e, e ∈ h → ∀ x, Kept t x → ¬ x.1 = e.1) →
      Well bit width (buildOn bit width h t) ∧ ∀ x, Kept (buildOn bit width h t) x ↔ Kept t x ∨ x ∈ h := by
  intro h
  induction h with
  | nil =>
    intro t well _ _ _
    refine ⟨well, ?_⟩
    intro x
    constructor
    · intro k
      exact Or.inl k
    · intro k
      rcases k with k | k
      · exact k
      · exact nowhere k
  | cons e h ih =>
    intro t well fits once fresh
    have once' : (∀ x, x ∈ h → ¬ x.1 = e.1) ∧ OnceEach h := once
    rcases insertInto_fact bit width tells t e well (fits e (mem_head e h)) (fresh e (mem_head e h)) with ⟨well', kept⟩
    have fresh' : ∀ d, d ∈ h → ∀ x, Kept (insertInto bit width t e) x → ¬ x.1 = d.1 := by
      intro d hd x hx
      rcases (kept x).1 hx with m | m
      · exact fresh d (mem_tail e hd) x m
      · intro same
        rw [m] at same
        exact once'.1 d hd same.symm
    rcases ih (insertInto bit width t e) well' (fun d hd => fits d (mem_tail e hd)) once'.2 fresh' with ⟨well'', all⟩
    refine ⟨well'', ?_⟩
    intro x
    have step1 : Kept (buildOn bit width (e :: h) t) x ↔ Kept (insertInto bit width t e) x ∨ x ∈ h := all x
    constructor
    · intro k
      rcases step1.1 k with m | m
      · rcases (kept x).1 m with m | m
        · exact Or.inl m
        · exact Or.inr (List.mem_cons.2 (Or.inl m))
      · exact Or.inr (mem_tail e m)
    · intro k
      rcases k with k | k
      · exact step1.2 (Or.inl ((kept x).2 (Or.inl k)))
      · rcases List.mem_cons.1 k with k | k
        · exact step1.2 (Or.inl ((kept x).2 (Or.inr k)))
        · exact step1.2 (Or.inr k)

theorem perm_onceEach {V : Type} {h g : List (Nat × V)} (p : Perm h g) : OnceEach h → OnceEach g := by
  induction p with
  | nil => exact fun o => o
  | @cons e h g q ih =>
    intro o
    have o' : (∀ x, x ∈ h → ¬ x.1 = e.1) ∧ OnceEach h := o
    show (∀ x, x ∈ g → ¬ x.1 = e.1) ∧ OnceEach g
    exact ⟨fun x hx => o'.1 x (q.mem x hx), ih o'.2⟩
  | swap a b l =>
    intro o
    have o' : (∀ x, x ∈ b :: l → ¬ x.1 = a.1) ∧ ((∀ x, x ∈ l → ¬ x.1 = b.1) ∧ OnceEach l) := o
    show (∀ x, x ∈ a :: l → ¬ x.1 = b.1) ∧ ((∀ x, x ∈ l → ¬ x.1 = a.1) ∧ OnceEach l)
    refine ⟨?_, fun x hx => o'.1 x (mem_tail b hx), o'.2.2⟩
    intro x hx same
    rcases List.mem_cons.1 hx with e | hx
    · rw [e] at same
      exact o'.1 b (mem_head b l) same.symm
    · exact o'.2.1 x hx same
  | trans _ _ ih ih' => exact fun o => ih' (ih o)

theorem build_fact {V : Type} (bit : Nat → Nat → Bool) (width : Nat) (tells : TellsApart bit width)
    (h : List (Nat × V)) (fits : ∀ e, e ∈ h → e.1 < 2 ^ width) (once : OnceEach h) :
    Well bit width (build bit width h) ∧ ∀ x, Kept (build bit width h) x ↔ x ∈ h := by
  rcases buildOn_fact bit width tells h none True.intro fits once (fun _ _ _ k => False.elim k) with ⟨well, all⟩
  refine ⟨well, ?_⟩
  intro x
  constructor
  · intro k
    rcases (all x).1 k with m | m
    · exact False.elim m
    · exact m
  · intro m
    exact (all x).2 (Or.inr m)

theorem same_kept {V : Type} (bit : Nat → Nat → Bool) (width : Nat) (t u : Option (Trie V)) (wt : Well bit width t)
    (wu : Well bit width u) (e : ∀ x, Kept t x ↔ Kept u x) : t = u := by
  cases t with
  | none =>
    cases u with
    | none => rfl
    | some u =>
      rcases some_key u with ⟨k, v, h⟩
      exact False.elim ((e (k, v)).2 h)
  | some t =>
    cases u with
    | none =>
      rcases some_key t with ⟨k, v, h⟩
      exact False.elim ((e (k, v)).1 h)
    | some u =>
      have same : t = u := one_shape_per_set bit width t u wt wu e
      rw [same]

/-- The order in which a set was filled leaves no trace. -/
theorem history_independent {V : Type} (width : Nat) (h g : List (Nat × V)) (fits : ∀ e, e ∈ h → e.1 < 2 ^ width)
    (once : OnceEach h) (p : Perm h g) : build (bitOf width) width h = build (bitOf width) width g := by
  have tells : TellsApart (bitOf width) width := bits_tell_apart width
  have fits' : ∀ e, e ∈ g → e.1 < 2 ^ width := fun e he => fits e (p.mem e he)
  rcases build_fact (bitOf width) width tells h fits once with ⟨wh, kh⟩
  rcases build_fact (bitOf width) width tells g fits' (perm_onceEach p once) with ⟨wg, kg⟩
  refine same_kept (bitOf width) width (build (bitOf width) width h) (build (bitOf width) width g) wh wg ?_
  intro x
  constructor
  · intro k
    exact (kg x).2 ((perm_symm p).mem x ((kh x).1 k))
  · intro k
    exact (kh x).2 (p.mem x ((kg x).1 k))

end Omega
