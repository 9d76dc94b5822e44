import Omega.Order
import Omega.Sorting
import Omega.Events
import Omega.Merge
import Omega.TrieProof
