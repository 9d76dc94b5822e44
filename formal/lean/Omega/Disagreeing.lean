import Omega.Events
import Omega.Merge

/-!
What does not hold: of logs that do not agree, and of ids that leave their domain.
-/

namespace Omega

theorem merge_two (a b : Event) : merge [a] [b] = putOnce K a [b] :=
  rfl

/-- Where logs do not agree, merging is not even commutative: the overlap must be judged first (3001). -/
theorem merge_of_disagreeing_logs : merge [version 1] [version 2] ≠ merge [version 2] [version 1] := by
  have same : ∀ x y : Nat, K (version x) = K (version y) := fun x y => (version_key x).trans (version_key y).symm
  have h1 : merge [version 1] [version 2] = [version 2] :=
    (merge_two (version 1) (version 2)).trans (putOnce_eq K (version 1) (version 2) [] (same 1 2))
  have h2 : merge [version 2] [version 1] = [version 1] :=
    (merge_two (version 2) (version 1)).trans (putOnce_eq K (version 2) (version 1) [] (same 2 1))
  intro h
  rw [h1, h2] at h
  injection h with e _
  have e' : (version 2).hash = (version 1).hash := by rw [e]
  have e'' : (2 : Nat) = 1 := e'
  omega

/-- An event that has nothing but its id. -/
def withId (i : Nat) : Event :=
  { lamport := 1, node := 1, stream := 0, id := i, prev := 0, claim := none, stated := 0, deps := [], hash := i }

theorem withId_key (i : Nat) : K (withId i) = ((1 * 2 ^ 32 + 1) * 2 ^ 16 + 0) * idEnd + i % idEnd :=
  rfl

/-- Nor is it enough that ids are unique, where they leave the domain: K has their low bits only. -/
theorem outside_the_domain_arrival_shows :
    (withId 1).id ≠ (withId (idEnd + 1)).id ∧
      sort K [withId 1, withId (idEnd + 1)] ≠ sort K [withId (idEnd + 1), withId 1] := by
  have pos : 0 < idEnd := idEnd_pos
  have differ : ¬ 1 = idEnd + 1 := by omega
  have low : (idEnd + 1) % idEnd = 1 % idEnd := Nat.add_mod_left idEnd 1
  have key : K (withId (idEnd + 1)) = K (withId 1) := by
    rw [withId_key (idEnd + 1), withId_key 1, low]
  have h1 : sort K [withId 1, withId (idEnd + 1)] = [withId 1, withId (idEnd + 1)] :=
    (sort_two K (withId 1) (withId (idEnd + 1))).trans (place_here K (withId 1) (withId (idEnd + 1)) [] (Nat.le_of_eq key.symm))
  have h2 : sort K [withId (idEnd + 1), withId 1] = [withId (idEnd + 1), withId 1] :=
    (sort_two K (withId (idEnd + 1)) (withId 1)).trans (place_here K (withId (idEnd + 1)) (withId 1) [] (Nat.le_of_eq key))
  refine ⟨differ, ?_⟩
  intro h
  rw [h1, h2] at h
  injection h with e _
  have e' : (withId 1).id = (withId (idEnd + 1)).id := by rw [e]
  exact differ e'

end Omega
