(** Events in canonical order: what sorting by K promises, and what it does not. *)

From Coq Require Import List NArith Lia Bool Permutation Sorted.
From Omega Require Import Order Sorting Model.
Import ListNotations.
Open Scope N_scope.

Lemma low_bits : forall i, N.land i id_mask = i mod id_end.
Proof. intro i. unfold id_mask, id_end. apply N.land_ones. Qed.

(** ** The order is total *)

Theorem earlier_total : forall a b, earlier a b \/ key a = key b \/ earlier b a.
Proof. intros a b. apply lex_total. Qed.

(** Where the hash tells events apart, two different events of a batch never tie. *)
Theorem earlier_total_in_batch : forall b e f, hash_fits b -> In_batch b e -> In_batch b f ->
  earlier e f \/ e = f \/ earlier f e.
Proof.
  intros b e f H He Hf. destruct (earlier_total e f) as [E | [E | E]]; auto.
  right. left. apply H; auto. unfold key in E. congruence.
Qed.

(** K alone: the four fields, or the one number that they make. *)
Definition K_fields (e : event) : list N := [lamport e; node e; stream e; N.land (id e) id_mask].
Definition K_number (e : event) : N := K (lamport e) (node e) (stream e) (id e).

Definition In_range (e : event) : Prop := node e < 2 ^ 32 /\ stream e < 2 ^ 16.

Theorem K_number_orders_as_its_fields : forall a b, In_range a -> In_range b ->
  N.compare (K_number a) (K_number b) = lex (K_fields a) (K_fields b).
Proof.
  intros a b [Na Sa] [Nb Sb]. unfold K_number, K_fields. rewrite !low_bits.
  now apply K_compares_field_by_field.
Qed.

Lemma lex_append : forall a b c d, length a = length b ->
  lex (a ++ c) (b ++ d) = match lex a b with Eq => lex c d | other => other end.
Proof.
  induction a as [| x a IH]; intros [| y b] c d L; try discriminate; simpl; auto.
  destruct (N.compare x y); auto.
Qed.

(** Canonical order is by K, as one number; ties break by the full id, then by the event hash. *)
Theorem canonical_order_is_K_then_id_then_hash : forall a b, In_range a -> In_range b ->
  (earlier a b <-> K_number a < K_number b \/
    (K_number a = K_number b /\ (id a < id b \/ (id a = id b /\ hash a < hash b)))).
Proof.
  intros a b Ra Rb. unfold earlier, lt, lex_lt.
  change (key a) with (K_fields a ++ [id a; hash a]). change (key b) with (K_fields b ++ [id b; hash b]).
  rewrite lex_append by reflexivity. rewrite <- K_number_orders_as_its_fields by assumption.
  destruct (N.compare_spec (K_number a) (K_number b)) as [E | L | G].
  - simpl. destruct (N.compare_spec (id a) (id b)) as [E' | L' | G'].
    + destruct (N.compare_spec (hash a) (hash b)) as [E'' | L'' | G'']; split; intro H; auto; try discriminate; lia.
    + split; auto.
    + split; intro H; [discriminate | lia].
  - split; auto.
  - split; intro H; [discriminate | lia].
Qed.

(** The leaves of a log: an event's occurrences by leaf kind, then by what was observed. *)
Definition leaf_key (o : occurrence) : list N :=
  key (of o) ++ match found o with
                | Some h => if N.eqb h (stated (of o)) then [0] else [1; h]
                | None => [0]
                end.

Theorem leaf_order_total : forall o p,
  lt leaf_key o p \/ leaf_key o = leaf_key p \/ lt leaf_key p o.
Proof. intros o p. apply lex_total. Qed.

(** ** Sorting *)

Lemma sorted_nth : forall (R : event -> event -> Prop) l, StronglySorted R l ->
  forall i j a b, (i < j)%nat -> nth_error l i = Some a -> nth_error l j = Some b -> R a b.
Proof.
  intros R. induction l as [| x l IH]; intros S i j a b L Ha Hb.
  - now destruct i.
  - inversion S as [| ? ? Sl F]; subst. rewrite Forall_forall in F. destruct j as [| j]; [lia |].
    destruct i as [| i]; simpl in *.
    + injection Ha as ->. apply F. now apply nth_error_In in Hb.
    + apply IH with i j; auto. lia.
Qed.

(** What stands later in a log sorted by K has no smaller lamport time. *)
Theorem sorted_implies_lamport_monotonic : forall l i j a b, (i <= j)%nat ->
  nth_error (sort K_fields l) i = Some a -> nth_error (sort K_fields l) j = Some b -> lamport a <= lamport b.
Proof.
  intros l i j a b L Ha Hb. destruct (PeanoNat.Nat.eq_dec i j) as [-> | D].
  - assert (a = b) as -> by congruence. lia.
  - assert (H : le K_fields a b).
    { apply (sorted_nth _ _ (sort_sorted _ K_fields l) i j); auto. lia. }
    exact (lex_le_first _ _ _ _ H).
Qed.

(** The same of the distinct events in canonical order. *)
Theorem canonical_implies_lamport_monotonic : forall l i j a b, (i <= j)%nat ->
  nth_error (canon key l) i = Some a -> nth_error (canon key l) j = Some b -> lamport a <= lamport b.
Proof.
  intros l i j a b L Ha Hb. destruct (PeanoNat.Nat.eq_dec i j) as [-> | D].
  - assert (a = b) as -> by congruence. lia.
  - assert (H : earlier a b).
    { apply (sorted_nth _ _ (canon_ascending _ key l) i j); auto. lia. }
    apply (lex_le_first _ _ (tl (key a)) (tl (key b))). apply lex_le_cases. now left.
Qed.

Definition Unique_ids (l : list event) : Prop := NoDup (map id l).
Definition Ids_in_domain (l : list event) : Prop := forall e, In e l -> id e < id_end.

Lemma unique_ids_apart : forall l, Unique_ids l -> Ids_in_domain l -> apart K_fields l.
Proof.
  intros l U D a b Ha Hb E.
  assert (Ei : id a = id b).
  { assert (H : N.land (id a) id_mask = N.land (id b) id_mask) by (unfold K_fields in E; congruence).
    rewrite !low_bits in H. rewrite !N.mod_small in H; auto. }
  clear E D. unfold Unique_ids in U. revert U. induction l as [| x l IH]; simpl; intro U; [destruct Ha |].
  inversion U as [| ? ? N U']; subst. destruct Ha as [-> | Ha]; destruct Hb as [-> | Hb]; auto.
  - destruct N. rewrite Ei. now apply in_map.
  - destruct N. rewrite <- Ei. now apply in_map.
Qed.

(** With unique ids in the domain, sorting by K alone forgets in which order the events came. *)
Theorem sort_by_K_forgets_arrival : forall l m, Unique_ids l -> Ids_in_domain l -> Permutation l m ->
  sort K_fields l = sort K_fields m.
Proof. intros l m U D. apply sort_permutation_invariant. now apply unique_ids_apart. Qed.

(** Two versions of one id: both orders of arrival are sorted by K, and they differ. *)
Definition version (h : N) : event := Event 1 1 0 7 0 None h [] h.

Theorem without_unique_ids_arrival_shows :
  Permutation [version 1; version 2] [version 2; version 1] /\
  sort K_fields [version 1; version 2] <> sort K_fields [version 2; version 1].
Proof. split; [constructor | discriminate]. Qed.

(** Nor is it enough that ids are unique, where they leave the domain: K has their low bits only. *)
Definition with_id (i : N) : event := Event 1 1 0 i 0 None 0 [] i.

Theorem outside_the_domain_arrival_shows :
  Unique_ids [with_id 1; with_id (2 ^ 112 + 1)] /\
  sort K_fields [with_id 1; with_id (2 ^ 112 + 1)] <> sort K_fields [with_id (2 ^ 112 + 1); with_id 1].
Proof.
  split; [| discriminate].
  constructor; [| constructor; [simpl; tauto | constructor]]. simpl. intros [H | []]. discriminate.
Qed.

(** The whole order needs neither: that the hash tells events apart is enough. *)
Theorem sort_forgets_arrival : forall b m, hash_fits b -> Permutation (events b) m ->
  sort key (events b) = sort key m.
Proof.
  intros b m H. apply sort_permutation_invariant. intros e f He Hf E. apply H; auto. unfold key in E. congruence.
Qed.
