(** Merging logs that agree: one history, whatever the order and however often. *)

From Coq Require Import List NArith Lia Bool Permutation Sorted.
From Omega Require Import Order Sorting Model Canonical.
Import ListNotations.
Open Scope N_scope.

(** The events of both logs, each once, in order of K. Where two share a K, one of them is lost: that is why
    logs must agree. *)
Definition merge (l m : list event) : list event := canon K_fields (l ++ m).

(** An id names one event, and ids are in the domain. *)
Definition Agree (l : list event) : Prop :=
  (forall e f, In e l -> In f l -> id e = id f -> e = f) /\ Ids_in_domain l.

(** A log in canonical order, each event once. *)
Definition Canonical (l : list event) : Prop := ascending K_fields l.

Lemma agree_apart : forall l, Agree l -> apart K_fields l.
Proof.
  intros l [A D] e f He Hf E. apply A; auto.
  assert (H : N.land (id e) id_mask = N.land (id f) id_mask) by (unfold K_fields in E; congruence).
  rewrite !low_bits in H. rewrite !N.mod_small in H; auto.
Qed.

Lemma agree_part : forall l m, Agree m -> incl l m -> Agree l.
Proof. intros l m [A D] I. split; [intros e f He Hf; apply A; auto | intros e He; apply D; auto]. Qed.

Lemma merge_in : forall l m e, Agree (l ++ m) -> (In e (merge l m) <-> In e l \/ In e m).
Proof. intros l m e H. unfold merge. rewrite canon_in, in_app_iff; [tauto | now apply agree_apart]. Qed.

Theorem merge_canonical : forall l m, Canonical (merge l m).
Proof. intros. apply canon_ascending. Qed.

Lemma same_events : forall l m, Canonical l -> Canonical m -> (forall e, In e l <-> In e m) -> l = m.
Proof. apply ascending_unique. Qed.

Theorem merge_commutative : forall l m, Agree (l ++ m) -> merge l m = merge m l.
Proof.
  intros l m H. apply same_events; try apply merge_canonical. intro e.
  assert (H' : Agree (m ++ l)) by (apply (agree_part _ _ H); intros x; rewrite !in_app_iff; tauto).
  rewrite !merge_in by assumption. tauto.
Qed.

Theorem merge_associative : forall l m n, Agree (l ++ m ++ n) -> merge (merge l m) n = merge l (merge m n).
Proof.
  intros l m n H. apply same_events; try apply merge_canonical. intro e.
  assert (Hlm : Agree (l ++ m)) by (apply (agree_part _ _ H); intros x; rewrite !in_app_iff; tauto).
  assert (Hmn : Agree (m ++ n)) by (apply (agree_part _ _ H); intros x; rewrite !in_app_iff; tauto).
  assert (H1 : Agree (merge l m ++ n)).
  { apply (agree_part _ _ H). intros x. rewrite !in_app_iff, merge_in by assumption. tauto. }
  assert (H2 : Agree (l ++ merge m n)).
  { apply (agree_part _ _ H). intros x. rewrite !in_app_iff, merge_in by assumption. tauto. }
  rewrite !merge_in by assumption. tauto.
Qed.

Theorem merge_idempotent : forall l, Canonical l -> Agree l -> merge l l = l.
Proof.
  intros l C H. apply same_events; auto; try apply merge_canonical. intro e.
  assert (H' : Agree (l ++ l)) by (apply (agree_part _ _ H); intros x; rewrite in_app_iff; tauto).
  rewrite merge_in by assumption. tauto.
Qed.

Corollary merge_again : forall l m, Agree (l ++ m) -> merge (merge l m) m = merge l m.
Proof.
  intros l m H. apply same_events; try apply merge_canonical. intro e.
  assert (H1 : Agree (merge l m ++ m)).
  { apply (agree_part _ _ H). intros x. rewrite !in_app_iff, merge_in by assumption. tauto. }
  rewrite !merge_in by assumption. tauto.
Qed.

(** Where logs do not agree, merging is not even commutative: the overlap must be judged first (3001). *)
Theorem merge_of_disagreeing_logs : merge [version 1] [version 2] <> merge [version 2] [version 1].
Proof. discriminate. Qed.
