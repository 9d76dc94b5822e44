(** Parts of a batch: what they are, what closes them, and what they cannot have more of than the whole. *)

From Coq Require Import List NArith Lia Bool Permutation Sorted.
From Omega Require Import Order Sorting Model Reconcile Words Reflect Accepts State Agreeing.
Import ListNotations.
Open Scope N_scope.

(** Each log of [b1] is a part of a log of [b], and different logs are parts of different ones. *)
Definition Part (b1 b : batch) : Prop :=
  exists f, (forall i j, f i = f j -> i = j) /\
    forall i l1, nth_error b1 i = Some l1 -> exists l rest, nth_error b (f i) = Some l /\ Permutation (l1 ++ rest) l.

(** Closed under deps and stream predecessors: of an event of the part, what it depends on and what comes before
    it in its stream is in the part or was accepted before, as far as it is in the batch at all. *)
Definition Closed (s : state) (b1 b : batch) : Prop := forall e, In_batch b1 e ->
  (forall d, In d (deps e) -> Id_in_batch b d -> Id_in_batch b1 d \/ Id_in_state s d) /\
  (forall f, In_batch b f -> Same_stream f e -> ~ Causal_only e -> earlier f e -> In_batch b1 f \/ Known s f).

Definition Two_parts (s : state) (b b1 b2 : batch) : Prop :=
  Part b1 b /\ Part b2 b /\ (forall e, In_batch b e -> In_batch b1 e \/ In_batch b2 e) /\ Closed s b1 b.

Lemma same_stream_sym : forall e f, Same_stream e f -> Same_stream f e.
Proof. intros e f [N S]. split; auto. Qed.

Lemma causal_same : forall e f, Same_stream e f -> ~ Causal_only f -> ~ Causal_only e.
Proof. intros e f [_ E]. unfold Causal_only. now rewrite E. Qed.

(** A state's frontiers are events that it accepted. *)
Definition Sound (s : state) : Prop := forall k f, frontier_at s k = Some f ->
  accepted s (f_id f) = Some (f_lamport f, f_hash f).

Lemma nodup_app : forall l m : list event, NoDup l -> NoDup m -> (forall x, In x l -> In x m -> False) -> NoDup (l ++ m).
Proof.
  induction l as [| a l IH]; simpl; intros m Hl Hm D; auto. inversion Hl; subst. constructor.
  - intro I. apply in_app_iff in I. destruct I; [contradiction | eapply D; eauto].
  - apply IH; auto. intros x Hx. apply D. auto.
Qed.

Section Parts.

Variables b1 b : batch.
Hypothesis part : Part b1 b.

Lemma part_occurrence : forall o, In o (occurrences b1) -> In o (occurrences b).
Proof.
  destruct part as (f & _ & P). intros o H. apply in_concat in H. destruct H as (l & Hl & Ho).
  apply In_nth_error in Hl. destruct Hl as (i & E). destruct (P _ _ E) as (m & rest & Em & Q).
  apply in_concat. exists m. split; [now apply nth_error_In in Em |].
  apply (Permutation_in _ Q). apply in_or_app. now left.
Qed.

Lemma part_event : forall e, In_batch b1 e -> In_batch b e.
Proof.
  unfold In_batch, events. intros e H. apply in_map_iff in H. destruct H as (o & <- & Ho).
  apply in_map. now apply part_occurrence.
Qed.

Lemma part_fits : hash_fits b -> hash_fits b1.
Proof. intros H e f He Hf. apply H; now apply part_event. Qed.

Lemma part_count : forall (test : occurrence -> bool) l1 rest l, Permutation (l1 ++ rest) l ->
  (length (filter test l1) <= length (filter test l))%nat.
Proof.
  intros test l1 rest l P.
  assert (E : length (filter test (l1 ++ rest)) = length (filter test l)).
  { clear - P. induction P; simpl; auto.
    - destruct (test x); simpl; auto.
    - destruct (test x); destruct (test y); simpl; auto.
    - congruence. }
  rewrite filter_app, app_length in E. lia.
Qed.

Lemma part_holds : forall l1 rest l e, Permutation (l1 ++ rest) l -> Holds l1 e -> Holds l e.
Proof.
  intros l1 rest l e P (o & Ho & E). exists o. split; auto. apply (Permutation_in _ P). apply in_or_app. now left.
Qed.

(** What asks for no more than the part holds is asked of the whole too. *)
Lemma part_disagreement : forall i j l m e f, nth_error b1 i = Some l -> nth_error b1 j = Some m -> i <> j ->
  Holds l e -> Holds m f ->
  exists i' j' l' m', nth_error b i' = Some l' /\ nth_error b j' = Some m' /\ i' <> j' /\ Holds l' e /\ Holds m' f.
Proof.
  destruct part as (g & Inj & P). intros i j l m e f Hi Hj N Hl Hm.
  destruct (P _ _ Hi) as (l' & rl & Hi' & Pl). destruct (P _ _ Hj) as (m' & rm & Hj' & Pm).
  exists (g i), (g j), l', m'. split; auto. split; auto. split; [intro E; apply N; now apply Inj |].
  split; [now apply (part_holds l rl) | now apply (part_holds m rm)].
Qed.

Lemma part_crowding : forall s e, hash_fits b -> Agrees s b -> ~ Violates_1002 b1 e.
Proof.
  intros s e fits A (He & l & Hl & _ & C). destruct part as (f & _ & P).
  apply In_nth_error in Hl. destruct Hl as (i & E). destruct (P _ _ E) as (m & rest & Em & Q).
  destruct (crowding_is_a_violation b fits e m) as (g & V).
  - now apply part_event.
  - now apply nth_error_In in Em.
  - unfold held, held_earlier in *.
    pose proof (part_count (fun o => N.eqb (id (of o)) (id e) && ltb key (of o) e) _ _ _ Q).
    pose proof (part_count (fun o => N.eqb (hash (of o)) (hash e)) _ _ _ Q). lia.
  - exact (A P1002 g V).
Qed.

End Parts.
