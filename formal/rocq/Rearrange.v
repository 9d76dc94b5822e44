(** The order of the logs, and of the events within them, changes nothing. *)

From Coq Require Import List NArith Lia Bool Permutation Sorted.
From Omega Require Import Order Sorting Model Reconcile Words Reflect Accepts.
Import ListNotations.
Open Scope N_scope.

(** The same logs in another order, each with its events in another order. *)
Definition Rearranged (b c : batch) : Prop := exists m, Permutation b m /\ Forall2 (@Permutation occurrence) m c.

Lemma forall2_nth : forall (m c : batch), Forall2 (@Permutation occurrence) m c -> forall i l,
  nth_error m i = Some l -> exists l', nth_error c i = Some l' /\ Permutation l l'.
Proof.
  induction 1 as [| x y m c P F IH]; intros [| i] l E; simpl in *; try discriminate; eauto.
  injection E as <-. eauto.
Qed.

(** To each log its counterpart, and different logs have different ones. *)
Lemma counterparts : forall b c, Rearranged b c ->
  exists f, (forall i j, f i = f j -> i = j) /\
    forall i l, nth_error b (f i) = Some l -> exists l', nth_error c i = Some l' /\ Permutation l l'.
Proof.
  intros b c (m & P & F). apply Permutation_nth_error in P. destruct P as (_ & f & Inj & E).
  exists f. split; [exact Inj |]. intros i l H. rewrite <- E in H. now apply (forall2_nth _ _ F).
Qed.

Lemma rearranged_sym : forall b c, Rearranged b c -> Rearranged c b.
Proof.
  intros b c (m & P & F).
  assert (F' : Forall2 (@Permutation occurrence) c m).
  { clear P. induction F; constructor; auto. now apply Permutation_sym. }
  apply Permutation_sym in P. clear F. revert c F'.
  induction P as [| x m b P IH | x y m | m n b P1 IH1 P2 IH2]; intros c F.
  - inversion F; subst. exists []. split; constructor.
  - inversion F as [| z ? c' ? Pz F']; subst. destruct (IH _ F') as (n & Q & G).
    exists (z :: n). split; constructor; auto.
  - inversion F as [| u ? c1 ? Pu F1]; subst. inversion F1 as [| v ? c2 ? Pv F2]; subst.
    exists (v :: u :: c2). split; [constructor | repeat constructor; auto].
  - destruct (IH1 _ F) as (n1 & Q1 & G1). destruct (IH2 _ G1) as (n2 & Q2 & G2).
    exists n2. split; auto. now transitivity n1.
Qed.

Section Rearranging.

Variables b c : batch.
Hypothesis R : Rearranged b c.

Lemma rearranged_log : forall l, In l b -> exists l', In l' c /\ Permutation l l'.
Proof.
  destruct R as (m & P & F). intros l Hl. apply (Permutation_in _ P) in Hl.
  apply In_nth_error in Hl. destruct Hl as (i & E). destruct (forall2_nth _ _ F _ _ E) as (l' & E' & Pl).
  exists l'. split; auto. now apply nth_error_In in E'.
Qed.

Lemma rearranged_occurrence : forall o, In o (occurrences b) -> In o (occurrences c).
Proof.
  intros o H. apply in_concat in H. destruct H as (l & Hl & Ho).
  destruct (rearranged_log _ Hl) as (l' & Hl' & P). apply in_concat. exists l'. split; auto.
  now apply (Permutation_in _ P).
Qed.

Lemma rearranged_event : forall e, In_batch b e -> In_batch c e.
Proof.
  unfold In_batch, events. intros e H. apply in_map_iff in H. destruct H as (o & <- & Ho).
  apply in_map. now apply rearranged_occurrence.
Qed.

Lemma rearranged_holds : forall l l' e, Permutation l l' -> Holds l e -> Holds l' e.
Proof. intros l l' e P (o & Ho & E). exists o. split; auto. now apply (Permutation_in _ P). Qed.

Lemma permuted_count : forall (test : occurrence -> bool) l l', Permutation l l' ->
  length (filter test l) = length (filter test l').
Proof.
  intros test l l' P. induction P; simpl; auto.
  - destruct (test x); simpl; auto.
  - destruct (test x); destruct (test y); simpl; auto.
  - congruence.
Qed.

End Rearranging.

Lemma rearranged_disagrees : forall s b c e, Rearranged b c -> Disagrees s b e -> Disagrees s c e.
Proof.
  intros s b c e R [He D]. split; [now apply (rearranged_event b) |].
  destruct D as [D | (i & j & l & m & f & Hi & Hj & N & Hl & Hm & Ei & Ee)]; [now left |]. right.
  apply rearranged_sym in R as R'. destruct R' as (k & P & F).
  (* Where b's log i went. *)
  destruct R as (n & Q & G). apply Permutation_nth_error in Q. destruct Q as (Len & g & Inj & E).
  assert (Back : forall i l, nth_error b i = Some l -> exists i', g i' = i).
  { clear - Len Inj E. intros i l Hi.
    assert (Bound : forall x, (x < length b)%nat -> (g x < length b)%nat).
    { intros x Hx. apply nth_error_Some. rewrite <- E. apply nth_error_Some. lia. }
    assert (Hi' : (i < length b)%nat) by (apply nth_error_Some; congruence).
    assert (I : In i (map g (seq 0 (length b)))).
    { apply (NoDup_length_incl (l := map g (seq 0 (length b))) (l' := seq 0 (length b))).
      - apply FinFun.Injective_map_NoDup; auto. apply seq_NoDup.
      - rewrite map_length. auto.
      - intros y Hy. apply in_map_iff in Hy. destruct Hy as (x & <- & Hx). apply in_seq in Hx. apply in_seq.
        split; [lia |]. simpl. apply Bound. lia.
      - apply in_seq. lia. }
    apply in_map_iff in I. destruct I as (x & Ex & _). eauto. }
  destruct (Back _ _ Hi) as (i' & Ei'). destruct (Back _ _ Hj) as (j' & Ej'). subst i j.
  rewrite <- E in Hi, Hj.
  destruct (forall2_nth _ _ G _ _ Hi) as (l' & Hi' & Pl). destruct (forall2_nth _ _ G _ _ Hj) as (m' & Hj' & Pm).
  assert (N' : i' <> j') by (intros ->; now apply N).
  exists i', j', l', m', f. do 3 (split; [assumption |]).
  split; [now apply (rearranged_holds l) |]. split; [now apply (rearranged_holds m) |]. now split.
Qed.

Lemma rearranged_violates : forall s b c p e, Rearranged b c -> Violates s b p e -> Violates s c p e.
Proof.
  intros s b c p e R V. pose proof (rearranged_sym _ _ R) as R'.
  assert (Ev : forall f, In_batch b f <-> In_batch c f) by (split; apply rearranged_event; auto).
  assert (Occ : forall o, In o (occurrences b) <-> In o (occurrences c)) by (split; apply rearranged_occurrence; auto).
  assert (On : forall f, On_line s b f <-> On_line s c f) by (unfold On_line; intro f; now rewrite Ev).
  assert (Dis : forall f, Disagrees s b f <-> Disagrees s c f) by (split; apply rearranged_disagrees; auto).
  destruct p; simpl in *.
  - destruct V as [H (l & Hl & L)]. split; [now apply Ev |].
    destruct (rearranged_log _ _ R _ Hl) as (l' & Hl' & P). exists l'. split; auto.
    unfold held, held_earlier in *. now rewrite <- !(permuted_count _ _ _ P).
  - unfold Violates_3001 in *. setoid_rewrite <- Dis. exact V.
  - unfold Violates_1001 in *. setoid_rewrite <- Ev. exact V.
  - unfold Violates_1003 in *. rewrite <- Ev. exact V.
  - unfold Violates_1004, Linked_below, Several_versions, Gap, Next_smaller, Id_in_batch in *.
    setoid_rewrite <- On. setoid_rewrite <- Ev. exact V.
  - unfold Violates_2001 in *. setoid_rewrite <- Occ. exact V.
  - unfold Violates_2002, Id_in_batch in *. setoid_rewrite <- Ev. exact V.
  - unfold Violates_2003 in *. setoid_rewrite <- Ev. exact V.
  - unfold Violates_3002 in *. setoid_rewrite <- Ev. exact V.
Qed.

(** Verdict, predicate, anchor and next state: all stay. *)
Theorem reconcile_forgets_arrival : forall s b c, hash_fits b -> Rearranged b c -> reconcile s b = reconcile s c.
Proof.
  intros s b c H R. pose proof (rearranged_sym _ _ R) as R'.
  assert (Ev : forall f, In_batch c f <-> In_batch b f) by (split; apply rearranged_event; auto).
  assert (H' : hash_fits c) by (intros e f He Hf; apply H; now apply Ev).
  destruct (reconcile s b) as [next | p e] eqn:B.
  - assert (C : exists next', reconcile s c = Merge next').
    { apply (accepts_exactly_what_agrees s c H'). intros p e V.
      apply (rearranged_violates s c b) in V; auto. revert V. apply (accepts_exactly_what_agrees s b H). eauto. }
    destruct C as (next' & C). rewrite C. unfold reconcile in B, C.
    destruct (walk s b (distinct b) [] (distinct b)) as [[] |]; [discriminate |].
    destruct (walk s c (distinct c) [] (distinct c)) as [[] |]; [discriminate |].
    assert (D : distinct b = distinct c).
    { apply canon_one_per_set; try (now apply events_apart). intro x. symmetry. apply Ev. }
    rewrite D in B. congruence.
  - symmetry. apply (reports_exactly_the_first s c H'). apply (reports_exactly_the_first s b H) in B.
    destruct B as [V Least]. split; [now apply (rearranged_violates s b) |].
    intros q f W. apply Least. now apply (rearranged_violates s c).
Qed.
