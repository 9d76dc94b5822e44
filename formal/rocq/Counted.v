(** Coverage and verdict say the same: a batch merges exactly where no predicate counts a violation. *)

From Coq Require Import List NArith Lia Bool Sorted.
From Omega Require Import Order Sorting Model Reconcile Coverage Words Reflect Accepts Agreeing.
Import ListNotations.
Open Scope N_scope.

Lemma count_zero : forall A (test : A -> bool) l, count test l = 0%nat <-> (forall x, In x l -> test x = false).
Proof.
  intros A test l. unfold count. induction l as [| a l IH]; simpl; [split; auto; intros _ x [] |].
  destruct (test a) eqn:T; simpl; split.
  - discriminate.
  - intro H. rewrite (H a (or_introl eq_refl)) in T. discriminate.
  - intros H x [<- | Hx]; auto. now apply IH.
  - intros H. apply IH. intros x Hx. apply H. auto.
Qed.

Lemma places_in : forall rest past before e,
  In (before, e) (places past rest) <-> exists pre post, rest = pre ++ e :: post /\ before = rev pre ++ past.
Proof.
  induction rest as [| x rest IH]; simpl; intros past before e.
  - split; [tauto |]. intros ([| y pre] & post & E & _); discriminate.
  - rewrite IH. split.
    + intros [E | (pre & post & -> & ->)].
      * injection E as <- <-. now exists [], rest.
      * exists (x :: pre), post. split; auto. simpl. now rewrite <- app_assoc.
    + intros ([| y pre] & post & E & ->); simpl in E; injection E as -> ->; auto.
      right. exists pre, post. split; auto. simpl. now rewrite <- app_assoc.
Qed.

(** ** Occurrences of one id in one log *)

Lemma distinct_numbers_in : forall l n, In n (distinct_numbers l) <-> In n l.
Proof.
  induction l as [| x l IH]; simpl; intro n; [tauto |].
  destruct (existsb (N.eqb x) l) eqn:E; simpl; rewrite IH; [| tauto].
  apply existsb_exists in E. destruct E as (y & Hy & E). apply N.eqb_eq in E. subst y.
  split; auto. intros [<- |]; auto.
Qed.

Lemma distinct_numbers_length : forall l,
  (length (distinct_numbers l) <= length l)%nat /\ (length (distinct_numbers l) = length l <-> NoDup l).
Proof.
  induction l as [| x l [Le Iff]]; simpl; [split; auto; split; auto; constructor |].
  destruct (existsb (N.eqb x) l) eqn:E; simpl.
  - split; [lia |]. split; [lia |]. intro D. inversion D as [| ? ? N _]; subst. exfalso. apply N.
    apply existsb_exists in E. destruct E as (y & Hy & E). apply N.eqb_eq in E. now subst.
  - split; [lia |]. split.
    + intro L. constructor; [| apply Iff; lia]. intro I.
      assert (T : existsb (N.eqb x) l = true) by (apply existsb_exists; exists x; split; auto; apply N.eqb_refl).
      congruence.
    + intro D. inversion D; subst. f_equal. now apply Iff.
Qed.

Lemma twice_zero : forall l, twice_in l = 0%nat <-> NoDup (map (fun o => id (of o)) l).
Proof.
  intro l. unfold twice_in. destruct (distinct_numbers_length (map (fun o => id (of o)) l)) as [Le Iff].
  rewrite <- Iff. lia.
Qed.

Lemma sum_zero : forall b, fold_right (fun l sum => twice_in l + sum)%nat O b = O <->
  (forall l, In l b -> twice_in l = O).
Proof.
  induction b as [| l b IH]; simpl; [split; auto; intros _ l [] |]. split.
  - intros H m [<- | Hm]; [lia |]. apply IH; auto. lia.
  - intro H. rewrite (H l (or_introl eq_refl)). apply IH. auto.
Qed.

Section Counting.

Variable s : state.
Variable b : batch.
Hypothesis fits : hash_fits b.

Notation es := (distinct b).

Lemma in_log : forall l o, In l b -> In o l -> In_batch b (of o).
Proof. intros l o Hl Ho. apply occurrence_of. apply in_concat. eauto. Qed.

(** Where ids are unique in a log, nothing there is a second occurrence. *)
Lemma unique_not_crowded : forall l e, In l b -> In_batch b e -> NoDup (map (fun o => id (of o)) l) ->
  (held_earlier e l + held e l <= 1)%nat.
Proof.
  intros l e Hl He D.
  assert (In_l : forall o, In o l -> In_batch b (of o)) by (intros o Ho; now apply (in_log l)).
  clear Hl. unfold held_earlier, held. induction l as [| o l IH]; simpl; [lia |].
  simpl in D. inversion D as [| ? ? N D']; subst.
  specialize (IH D' (fun p Hp => In_l p (or_intror Hp))).
  assert (Others : N.eqb (id (of o)) (id e) = true ->
    (length (filter (fun p => N.eqb (id (of p)) (id e) && ltb key (of p) e) l) = 0 /\
     length (filter (fun p => N.eqb (hash (of p)) (hash e)) l) = 0)%nat).
  { intro E. apply N.eqb_eq in E. split; apply count_zero; intros p Hp; apply not_true_iff_false; intro T;
      apply N; apply in_map_iff; exists p; split; auto.
    - apply andb_true_iff in T. destruct T as [T _]. apply N.eqb_eq in T. congruence.
    - apply N.eqb_eq in T. apply fits in T; auto; [congruence |]. apply In_l. now right. }
  destruct (N.eqb (hash (of o)) (hash e)) eqn:T.
  - apply N.eqb_eq in T. apply fits in T; auto; [| apply In_l; now left]. subst e.
    rewrite N.eqb_refl in *. destruct (Others eq_refl) as [A B].
    destruct (ltb key (of o) (of o)) eqn:L; [apply ltb_lt in L; destruct (lt_irreflexive _ _ _ L) |].
    simpl. rewrite A, B. lia.
  - destruct (N.eqb (id (of o)) (id e)) eqn:E; simpl; [| lia].
    destruct (Others eq_refl) as [A B]. destruct (ltb key (of o) e); simpl; lia.
Qed.

(** Where nothing is a second occurrence, ids are unique in each log. *)
Lemma not_crowded_unique : (forall e, ~ Violates_1002 b e) -> forall l, In l b -> NoDup (map (fun o => id (of o)) l).
Proof.
  intros A l Hl.
  assert (Two : forall o p pre mid post, l = pre ++ o :: mid ++ p :: post -> id (of o) <> id (of p)).
  { intros o p pre mid post E Ei.
    assert (Ho : In o l) by (subst l; apply in_app_iff; right; now left).
    assert (Hp : In p l) by (subst l; apply in_app_iff; right; right; apply in_app_iff; right; now left).
    assert (Crowd : forall e, In_batch b e -> (2 <= held_earlier e l + held e l)%nat -> False).
    { intros e He C. destruct (crowding_is_a_violation b fits e l He Hl C) as (f & V). exact (A f V). }
    destruct (apart_total _ key _ (of o) (of p) (events_apart _ fits) (in_log l o Hl Ho) (in_log l p Hl Hp)) as [L | [Eq | L]].
    - apply (Crowd (of p)); [now apply (in_log l) |].
      assert (X : (0 < held_earlier (of p) l)%nat).
      { apply some_filter with o; auto. apply andb_true_iff. split; [now apply N.eqb_eq | now apply ltb_lt]. }
      assert (Y : (0 < held (of p) l)%nat) by (apply some_filter with p; auto; apply N.eqb_refl). lia.
    - apply (Crowd (of p)); [now apply (in_log l) |].
      assert (X : (2 <= held (of p) l)%nat); [| lia].
      unfold held. rewrite E, filter_app, app_length. simpl. rewrite Eq, N.eqb_refl. simpl.
      rewrite filter_app, app_length. simpl. rewrite N.eqb_refl. simpl. lia.
    - apply (Crowd (of o)); [now apply (in_log l) |].
      assert (X : (0 < held_earlier (of o) l)%nat).
      { apply some_filter with p; auto. apply andb_true_iff. split; [now apply N.eqb_eq | now apply ltb_lt]. }
      assert (Y : (0 < held (of o) l)%nat) by (apply some_filter with o; auto; apply N.eqb_refl). lia. }
  clear A Hl. induction l as [| o l IH]; simpl; constructor.
  - intro I. apply in_map_iff in I. destruct I as (p & Ep & Hp). apply in_split in Hp. destruct Hp as (mid & post & ->).
    apply (Two o p [] mid post); auto.
  - apply IH. intros p q pre mid post E. apply (Two p q (o :: pre) mid post). now rewrite E.
Qed.

Lemma breaking_zero : forall p, breaking s b es p = 0%nat <-> (forall e, ~ Violates s b p e).
Proof.
  intro p. unfold breaking. rewrite count_zero. split.
  - intros H e V. pose proof (anchor_in_batch s b p e V) as He.
    destruct (placed b fits e He) as (before & rest & E).
    assert (I : In (before, e) (places [] es)).
    { apply places_in. exists (rev before), rest. split; auto. now rewrite rev_involutive, app_nil_r. }
    apply H in I. simpl in I. apply (breaks_iff s b fits _ _ _ E) in V. congruence.
  - intros H [before e] I. apply places_in in I. destruct I as (pre & post & E & ->). rewrite app_nil_r. simpl.
    apply not_true_iff_false. intro T. apply (H e). apply (breaks_iff s b fits (rev pre) post e); auto.
    now rewrite rev_involutive.
Qed.

Lemma violated_zero : forall p, violated (covered s b es p) = 0%nat <-> (forall e, ~ Violates s b p e).
Proof.
  destruct p; try exact (breaking_zero _).
  - (* 1002 *) simpl. rewrite sum_zero. split.
    + intros H e (He & l & Hl & _ & C). pose proof (H l Hl) as T. apply twice_zero in T.
      pose proof (unique_not_crowded l e Hl He T). lia.
    + intros H l Hl. apply twice_zero. now apply not_crowded_unique.
  - (* 1003 *) simpl. rewrite count_zero. split.
    + intros H e V. pose proof V as (He & _). unfold In_batch, events in He. apply in_map_iff in He.
      destruct He as (o & <- & Ho). destruct (placed b fits (of o)) as (before & rest & E); [apply V |].
      apply (breaks_1003_iff b fits before rest _ E) in V. rewrite (H o Ho) in V. discriminate.
    + intros H o Ho. apply not_true_iff_false. intro T.
      destruct (placed b fits (of o)) as (before & rest & E); [now apply occurrence_of |].
      apply (H (of o)). now apply (breaks_1003_iff b fits before rest _ E).
  - (* 2001 *) simpl. rewrite count_zero. split.
    + intros H e (o & h & Ho & <- & F & D). specialize (H o Ho). rewrite F in H.
      apply negb_false_iff, N.eqb_eq in H. contradiction.
    + intros H o Ho. destruct (found o) as [h |] eqn:F; auto. apply negb_false_iff, N.eqb_eq.
      destruct (N.eq_dec h (stated (of o))); auto. destruct (H (of o)). now exists o, h.
Qed.

(** *** A batch merges exactly where every predicate counts no violation. *)
Theorem merges_where_nothing_is_counted :
  (exists next, reconcile s b = Merge next) <-> (forall p, violated (covered s b es p) = 0%nat).
Proof.
  rewrite (accepts_exactly_what_agrees s b fits). unfold Agrees. split.
  - intros A p. apply violated_zero. intro e. apply A.
  - intros Z p. now apply violated_zero.
Qed.

End Counting.
