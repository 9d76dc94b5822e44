(** The state root: states that are alike have the same tries, whatever they were filled with in which order. *)

From Coq Require Import List NArith Lia Bool Permutation.
From Omega Require Import Order Sorting Model Reconcile State Parts Split Splits Trie TrieProof.
Import ListNotations.
Open Scope N_scope.

Section Maps.
Context {Key Value : Type} (same : Key -> Key -> bool).
Hypothesis same_iff : forall a b, same a b = true <-> a = b.

Lemma put_keys : forall k (v : Value) m x, In x (map fst (put same k v m)) -> x = k \/ In x (map fst m).
Proof.
  intros k v. induction m as [| [j w] m IH]; simpl; intros x H; [destruct H as [<- | []]; auto |].
  destruct (same k j) eqn:E; simpl in H.
  - apply same_iff in E. subst j. destruct H; auto.
  - destruct H as [H | H]; auto. destruct (IH x H); auto.
Qed.

Lemma put_nodup : forall k (v : Value) m, NoDup (map fst m) -> NoDup (map fst (put same k v m)).
Proof.
  intros k v. induction m as [| [j w] m IH]; simpl; intro D; [constructor; auto; constructor |].
  inversion D as [| ? ? N D']; subst. destruct (same k j) eqn:E; simpl.
  - apply same_iff in E. subst j. now constructor.
  - constructor; auto. intro H. destruct (put_keys k v m j H) as [-> | H']; auto.
    rewrite (proj2 (same_iff k k) eq_refl) in E. discriminate.
Qed.

Lemma get_in : forall k (v : Value) m, NoDup (map fst m) -> (get same k m = Some v <-> In (k, v) m).
Proof.
  intros k v. induction m as [| [j w] m IH]; simpl; intro D; [split; [discriminate | tauto] |].
  inversion D as [| ? ? N D']; subst. destruct (same k j) eqn:E.
  - apply same_iff in E. subst j. split.
    + intro H. injection H as ->. now left.
    + intros [H | H]; [congruence |]. destruct N. now apply (in_map fst) in H.
  - rewrite (IH D'). split; auto. intros [H | H]; auto. injection H as -> ->.
    rewrite (proj2 (same_iff k k) eq_refl) in E. discriminate.
Qed.

Lemma same_gets_permutation : forall m m' : list (Key * Value), NoDup (map fst m) -> NoDup (map fst m') ->
  (forall k, get same k m = get same k m') -> Permutation m m'.
Proof.
  intros m m' D D' E. apply NoDup_Permutation; try (now apply NoDup_map_inv with (f := fst)).
  intros [k v]. rewrite <- !get_in by assumption. now rewrite E.
Qed.
End Maps.

(** Each id and each stream once, and within the width of its field. *)
Definition Well_keyed (s : state) : Prop :=
  NoDup (map fst (ids s)) /\ NoDup (map fst (frontiers s)).

Definition Fields_fit (s : state) : Prop :=
  (forall i v, In (i, v) (ids s) -> i < 2 ^ 128) /\
  (forall n m f, In ((n, m), f) (frontiers s) -> n < 2 ^ 32 /\ m < 2 ^ 16).

Lemma accepting_keeps_keys : forall l s, Well_keyed s -> Well_keyed (accept_all l s).
Proof.
  unfold accept_all. induction l as [| e l IH]; simpl; intros s W; auto. apply IH. destruct W as [I F].
  split; simpl; [apply put_nodup | apply put_nodup]; auto; [apply N.eqb_eq | apply same_pair_iff].
Qed.

(** Every state that merges lead to is so. *)
Theorem reached_is_well_keyed : forall parts s t, Well_keyed s -> reconcile_all s parts = Some t -> Well_keyed t.
Proof.
  induction parts as [| p parts IH]; simpl; intros s t W R; [injection R as <-; auto |].
  unfold reconcile in R. destruct (Reconcile.walk s p (distinct p) [] (distinct p)) as [[] |]; [discriminate |].
  apply IH in R; auto. now apply accepting_keeps_keys.
Qed.

Lemma genesis_is_well_keyed : Well_keyed genesis.
Proof. split; constructor. Qed.

(** The two tries: 128 bits of id; 32 of node and 16 of stream. *)
Definition stream_number (e : (N * N) * frontier) : N * frontier := (fst (fst e) * 2 ^ 16 + snd (fst e), snd e).
Definition id_trie (s : state) : option (trie (N * N)) := build 128 (N * N) (ids s).
Definition frontier_trie (s : state) : option (trie frontier) := build 48 frontier (map stream_number (frontiers s)).

Lemma stream_numbers_fit : forall s, Fields_fit s ->
  forall e, In e (map stream_number (frontiers s)) -> key_fits 48 (fst e).
Proof.
  intros s [_ F] e H. apply in_map_iff in H. destruct H as ([[n m] f] & <- & I).
  apply F in I. destruct I as [Hn Hm]. unfold key_fits, stream_number. simpl fst. simpl snd.
  change (2 ^ 48) with (2 ^ 32 * 2 ^ 16). nia.
Qed.

Lemma stream_numbers_differ : forall s, Well_keyed s -> Fields_fit s ->
  NoDup (map fst (map stream_number (frontiers s))).
Proof.
  intros s [_ D] [_ F]. rewrite map_map. revert D F. induction (frontiers s) as [| [[n m] f] l IH]; simpl; intros D F; [constructor |].
  inversion D as [| ? ? N D']; subst. constructor.
  - intro H. apply in_map_iff in H. destruct H as ([[n' m'] f'] & E & I). simpl in E.
    destruct (F n m f (or_introl eq_refl)) as [Hn Hm]. destruct (F n' m' f' (or_intror I)) as [Hn' Hm'].
    assert (n' = n) by nia. assert (m' = m) by nia. subst. apply N. now apply (in_map fst) in I.
  - apply IH; auto. intros n' m' f' I. apply (F n' m' f'). now right.
Qed.

(** *** Alike states have one root: both tries are the same, with all their hashes. *)
Theorem same_state_same_tries : forall s t, Well_keyed s -> Well_keyed t -> Fields_fit s -> Same_state s t ->
  id_trie s = id_trie t /\ frontier_trie s = frontier_trie t.
Proof.
  intros s t Ws Wt F [A Fr]. split; apply history_independent.
  - intros [i v] H. apply F in H. exact H.
  - apply Ws.
  - apply (same_gets_permutation N.eqb N.eqb_eq); [apply Ws | apply Wt | exact A].
  - now apply stream_numbers_fit.
  - now apply stream_numbers_differ.
  - apply Permutation_map. apply (same_gets_permutation same_pair same_pair_iff); [apply Ws | apply Wt | exact Fr].
Qed.
