import Omega.Model

/-!
The leaves of a log: an event's occurrences by leaf kind, then by what was observed.
-/

namespace Omega

/-- Leaf kind, and what was observed where that differs from what the event states. -/
def leafEnd (stated : Nat) : Option Nat → List Nat
  | none => [0]
  | some h => if h = stated then [0] else [1, h]

def leafKey (o : Occurrence) : List Nat := key o.event ++ leafEnd o.event.stated o.found

/-- Any two leaves are equal in all that orders them, or one is earlier. -/
theorem leaf_order_total (o p : Occurrence) :
    lexLt (leafKey o) (leafKey p) = true ∨ leafKey o = leafKey p ∨ lexLt (leafKey p) (leafKey o) = true :=
  lexLt_total (leafKey o) (leafKey p)

end Omega
