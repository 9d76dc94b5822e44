import Omega.Order
import Omega.Sorting

/-!
Logs sorted by K: what that promises, and what it does not.
-/

namespace Omega

/-- In a log sorted by K, what stands later has no smaller lamport time. -/
theorem sorted_implies_lamport_monotonic (log : List Event) (range : ∀ e, e ∈ log → InRange e)
    (sorted : Sorted K log) (before middle after : List Event) (a b : Event)
    (places : log = before ++ a :: (middle ++ b :: after)) : a.lamport ≤ b.lamport := by
  have h : K a ≤ K b := sorted_get K log sorted before middle after a b places
  have ha : a ∈ log := by
    rw [places]
    exact List.mem_append.2 (Or.inr (List.mem_cons.2 (Or.inl rfl)))
  have hb : b ∈ log := by
    rw [places]
    exact List.mem_append.2
      (Or.inr (List.mem_cons.2 (Or.inr (List.mem_append.2 (Or.inr (List.mem_cons.2 (Or.inl rfl)))))))
  exact lamport_le_of_K_le a b (range a ha) (range b hb) h

/-- Sorting gives such a log. -/
theorem sort_is_sorted (log : List Event) : Sorted K (sort K log) :=
  sort_sorted K log

/-- With unique ids in the domain, sorting by K forgets in which order the events came. -/
theorem sort_by_K_forgets_arrival {l m : List Event} (p : Perm l m)
    (unique : ∀ a b, a ∈ l → b ∈ l → a.id = b.id → a = b) (domain : ∀ e, e ∈ l → e.id < idEnd) :
    sort K l = sort K m :=
  sort_permutation_invariant K p
    (fun a b ha hb h => unique a b ha hb (id_eq_of_K_eq a b (domain a ha) (domain b hb) h))

/-- A version of id 7. -/
def version (hash : Nat) : Event :=
  { lamport := 1, node := 1, stream := 0, id := 7, prev := 0, claim := none, stated := hash, deps := [], hash := hash }

theorem version_key (hash : Nat) : K (version hash) = ((1 * 2 ^ 32 + 1) * 2 ^ 16 + 0) * idEnd + 7 % idEnd :=
  rfl

/-- Two versions of one id: both orders of arrival are sorted by K, and they differ. -/
theorem without_unique_ids_arrival_shows :
    Perm [version 1, version 2] [version 2, version 1] ∧
      sort K [version 1, version 2] ≠ sort K [version 2, version 1] := by
  refine ⟨Perm.swap (version 1) (version 2) [], ?_⟩
  have hle : ∀ x y : Nat, K (version x) ≤ K (version y) := fun x y =>
    Nat.le_of_eq ((version_key x).trans (version_key y).symm)
  have h1 : sort K [version 1, version 2] = [version 1, version 2] :=
    (sort_two K (version 1) (version 2)).trans (place_here K (version 1) (version 2) [] (hle 1 2))
  have h2 : sort K [version 2, version 1] = [version 2, version 1] :=
    (sort_two K (version 2) (version 1)).trans (place_here K (version 2) (version 1) [] (hle 2 1))
  intro h
  rw [h1, h2] at h
  injection h with e _
  have e' : (version 1).hash = (version 2).hash := by rw [e]
  have e'' : (1 : Nat) = 2 := e'
  omega

end Omega
