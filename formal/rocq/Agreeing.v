(** What is true of a batch in which nothing is violated: ids are unique, also against the prior state. *)

From Coq Require Import List NArith Lia Bool Permutation Sorted.
From Omega Require Import Order Sorting Model Reconcile Words Reflect Accepts.
Import ListNotations.
Open Scope N_scope.

(** Of the elements of an ascending list that have a decidable property, one comes first and one last. *)
Lemma least : forall (P : event -> Prop) l, StronglySorted (lt key) l -> (forall x, In x l -> P x \/ ~ P x) ->
  (exists x, In x l /\ P x) -> exists x, In x l /\ P x /\ forall y, In y l -> P y -> ~ earlier y x.
Proof.
  intros P. induction l as [| a l IH]; intros S D (x & Hx & Px); [destruct Hx |].
  inversion S as [| ? ? Sl F]; subst. rewrite Forall_forall in F.
  destruct (D a (or_introl eq_refl)) as [Pa | Na].
  - exists a. split; [now left |]. split; auto. intros y [-> | Hy] _.
    + apply lt_irreflexive.
    + apply lt_asymmetric. now apply F.
  - destruct IH as (z & Hz & Pz & L); auto.
    { intros y Hy. apply D. now right. }
    { exists x. split; auto. destruct Hx as [-> |]; tauto. }
    exists z. split; [now right |]. split; auto. intros y [-> | Hy] Py; [contradiction | auto].
Qed.

Lemma greatest : forall (P : event -> Prop) l, StronglySorted (lt key) l -> (forall x, In x l -> P x \/ ~ P x) ->
  (exists x, In x l /\ P x) -> exists x, In x l /\ P x /\ forall y, In y l -> P y -> ~ earlier x y.
Proof.
  intros P. induction l as [| a l IH]; intros S D (x & Hx & Px); [destruct Hx |].
  inversion S as [| ? ? Sl F]; subst. rewrite Forall_forall in F.
  assert (Dl : (exists y, In y l /\ P y) \/ ~ exists y, In y l /\ P y).
  { clear - D. induction l as [| b l IH]; [right; intros (y & [] & _) |].
    destruct (D b) as [Pb | Nb]; [right; now left | left; exists b; split; auto; now left |].
    destruct IH as [(y & Hy & Py) | N].
    - intros y [-> | Hy]; apply D; [now left | right; now right].
    - left. exists y. split; auto. now right.
    - right. intros (y & [-> | Hy] & Py); [contradiction |]. apply N. eauto. }
  destruct Dl as [E | N].
  - destruct IH as (z & Hz & Pz & L); auto. { intros y Hy. apply D. now right. }
    exists z. split; [now right |]. split; auto. intros y [-> | Hy] Py; auto.
    apply lt_asymmetric. now apply F.
  - destruct Hx as [-> | Hx]; [| destruct N; eauto].
    exists x. split; [now left |]. split; auto. intros y [-> | Hy] Py; [apply lt_irreflexive | destruct N; eauto].
Qed.

Section Agreeing.

Variable s : state.
Variable b : batch.
Hypothesis fits : hash_fits b.

(** Where an event of the batch stands in the walk. *)
Lemma placed : forall e, In_batch b e -> exists before rest, distinct b = rev before ++ e :: rest.
Proof.
  intros e He. apply (in_es b fits) in He. apply in_split in He. destruct He as (l & r & E).
  exists (rev l), r. now rewrite rev_involutive.
Qed.

Lemma by_test : forall (P : Prop) (t : bool), (t = true <-> P) -> P \/ ~ P.
Proof. intros P [] H; [left; now apply H | right; intro Q; apply H in Q; discriminate]. Qed.

Lemma known_dec : forall e, Known s e \/ ~ Known s e.
Proof. intro e. exact (by_test _ _ (known_iff s e)). Qed.

(** Whoever disagrees, somebody is the first of its id to do so. *)
Lemma disagreement_is_a_violation : forall e, Disagrees s b e -> exists f, Violates_3001 s b f.
Proof.
  intros e D.
  destruct (least (fun x => Disagrees s b x /\ id x = id e) (distinct b) (distinct_ascending b)) as (f & Hf & [Df Ef] & L).
  - intros x Hx. apply (in_es b fits) in Hx. destruct (placed x Hx) as (before & rest & E).
    destruct (by_test _ _ (disagrees_iff s b fits _ _ _ E)); destruct (N.eq_dec (id x) (id e)); tauto.
  - exists e. split; auto. apply (in_es b fits). apply D.
  - exists f. split; auto. intros g Dg Eg. apply L; [| split; [auto | congruence]].
    apply (in_es b fits). apply Dg.
Qed.

Lemma filter_le : forall (A B C : occurrence -> bool) l,
  (forall o, In o l -> A o = true -> B o = true \/ C o = true) ->
  (length (filter A l) <= length (filter B l) + length (filter C l))%nat.
Proof.
  induction l as [| o l IH]; simpl; intros H; auto.
  assert (IH' : (length (filter A l) <= length (filter B l) + length (filter C l))%nat) by (apply IH; auto).
  pose proof (H o (or_introl eq_refl)) as Ho.
  destruct (A o); destruct (B o); destruct (C o); simpl; first [lia | now destruct Ho].
Qed.

Lemma filter_some : forall (A : occurrence -> bool) l, (0 < length (filter A l))%nat -> exists o, In o l /\ A o = true.
Proof.
  intros A l H. destruct (filter A l) as [| o r] eqn:E; [simpl in H; lia |].
  exists o. apply filter_In. rewrite E. now left.
Qed.

Lemma some_filter : forall (A : occurrence -> bool) l o, In o l -> A o = true -> (0 < length (filter A l))%nat.
Proof.
  intros A l o H T. destruct (filter A l) eqn:E; simpl; [| lia].
  assert (I : In o (filter A l)) by now apply filter_In. rewrite E in I. destruct I.
Qed.

(** Whoever is not the first occurrence of its id in a log, some occurrence there is the second. *)
Lemma crowding_is_a_violation : forall e l, In_batch b e -> In l b -> (2 <= held_earlier e l + held e l)%nat ->
  exists f, Violates_1002 b f.
Proof.
  intros e l He Hl C.
  assert (InB : forall o, In o l -> In_batch b (of o)).
  { intros o Ho. apply occurrence_of. apply in_concat. eauto. }
  destruct (least (fun x => id x = id e /\ (2 <= held_earlier x l + held x l)%nat) (distinct b) (distinct_ascending b))
    as (x & Hx & [Ex Cx] & L).
  { intros x _. destruct (N.eq_dec (id x) (id e)); destruct (Compare_dec.le_dec 2 (held_earlier x l + held x l)); tauto. }
  { exists e. split; auto. now apply (in_es b fits). }
  apply (in_es b fits) in Hx as Bx. exists x. split; auto. exists l. repeat split; auto.
  destruct (Compare_dec.le_lt_dec 2 (held_earlier x l)) as [Many | Few]; [exfalso | exact Few].
  assert (Some_earlier : exists y, In y (distinct b) /\ (exists o, In o l /\ of o = y) /\ id y = id x /\ earlier y x).
  { destruct (filter_some (fun o => N.eqb (id (of o)) (id x) && ltb key (of o) x) l) as (o & Ho & T).
    { unfold held_earlier in Many. lia. }
    apply andb_true_iff in T. destruct T as [T1 T2]. apply N.eqb_eq in T1. apply ltb_lt in T2.
    exists (of o). repeat split; eauto. apply (in_es b fits). auto. }
  destruct (greatest (fun y => (exists o, In o l /\ of o = y) /\ id y = id x /\ earlier y x)
    (distinct b) (distinct_ascending b)) as (y & Hy & ((oy & Hoy & Oy) & Ey & Lt) & G); auto.
  { intros z Hz. apply (in_es b fits) in Hz.
    destruct (by_test _ _ (holds_iff b fits l z Hl Hz)) as [Hd | Hd].
    - destruct (N.eq_dec (id z) (id x)); [| tauto].
      destruct (ltb key z x) eqn:T; [left; apply ltb_lt in T; auto |].
      right. intros (_ & _ & T'). apply ltb_lt in T'. congruence.
    - right. intros (H & _). apply Hd. destruct H as (o & Ho & <-). now exists o. }
  apply (L y); auto. split; [congruence |].
  assert (Le : (held_earlier x l <= held_earlier y l + held y l)%nat); [| lia].
  apply filter_le. intros o Ho T. apply andb_true_iff in T. destruct T as [T1 T2].
  apply N.eqb_eq in T1. apply ltb_lt in T2.
  destruct (apart_total _ key _ (of o) y (events_apart _ fits) (InB o Ho)) as [H | [H | H]].
  - now apply (in_es b fits).
  - left. apply andb_true_iff. split; [now apply N.eqb_eq; congruence | now apply ltb_lt].
  - right. apply N.eqb_eq. congruence.
  - exfalso. apply (G (of o)); auto.
    + apply (in_es b fits). auto.
    + repeat split; eauto.
Qed.

Hypothesis agrees : Agrees s b.

Theorem ids_are_unique : forall e f, In_batch b e -> In_batch b f -> id e = id f -> e = f.
Proof.
  assert (H : forall e f, In_batch b e -> In_batch b f -> id e = id f -> ~ earlier e f).
  { intros e f He Hf E L.
    apply in_batch_log in He as (l & Hl & He'). apply in_batch_log in Hf as (m & Hm & Hf').
    apply In_nth_error in Hl as Hi. destruct Hi as (i & Hi). apply In_nth_error in Hm as Hj. destruct Hj as (j & Hj).
    assert (Bf : In_batch b f) by (apply in_batch_log; eauto).
    destruct (PeanoNat.Nat.eq_dec i j) as [-> | N].
    - assert (l = m) as -> by congruence. destruct (crowding_is_a_violation f m) as (g & V); auto.
      + destruct He' as (o & Ho & Eo), Hf' as (p & Hp & Ep).
        assert (A : (0 < held_earlier f m)%nat).
        { apply some_filter with o; auto. rewrite Eo. apply andb_true_iff. split; [now apply N.eqb_eq | now apply ltb_lt]. }
        assert (B : (0 < held f m)%nat) by (apply some_filter with p; auto; rewrite Ep; apply N.eqb_refl).
        lia.
      + exact (agrees P1002 g V).
    - destruct (disagreement_is_a_violation f) as (g & V).
      + split; auto. right. exists j, i, m, l, e. repeat split; auto.
      + exact (agrees P3001 g V). }
  intros e f He Hf E. destruct (apart_total _ key _ e f (events_apart _ fits) He Hf) as [L | [| L]]; auto.
  - destruct (H e f); auto.
  - destruct (H f e); auto.
Qed.

Theorem state_agrees : forall e l h, In_batch b e -> accepted s (id e) = Some (l, h) -> h = hash e.
Proof.
  intros e l h He A. destruct (N.eq_dec h (hash e)) as [| N]; auto. exfalso.
  destruct (disagreement_is_a_violation e) as (g & V).
  - split; auto. left. eauto.
  - exact (agrees P3001 g V).
Qed.

Lemma no_several_versions : forall i, ~ Several_versions s b i.
Proof.
  intros i (e & He & Ei & [(f & Hf & Ef & N) | (l & h & A & N)]).
  - apply N. apply ids_are_unique; auto. congruence.
  - apply N. apply (state_agrees e l h); auto. congruence.
Qed.

Lemma above_where_judged : forall e, In_batch b e -> ~ Known s e -> ~ Causal_only e -> Above_frontier s e.
Proof.
  intros e He K C. destruct (by_test _ _ (above_frontier_iff s e)) as [| N]; auto.
  destruct (agrees P1001 e). repeat split; auto.
Qed.

Lemma lamports_differ : forall e f, In_batch b e -> In_batch b f -> ~ Known s e -> ~ Known s f -> ~ Causal_only f ->
  Same_stream e f -> earlier e f -> lamport e < lamport f.
Proof.
  intros e f He Hf Ke Kf C S L.
  assert (Le : lamport e <= lamport f).
  { apply (lex_le_first _ _ (tl (key e)) (tl (key f))). apply lex_le_cases. now left. }
  destruct (N.eq_dec (lamport e) (lamport f)) as [E |]; [| lia].
  destruct (agrees P1001 f). repeat split; auto. right. exists e. auto.
Qed.

(** On the line, prev names what comes before. *)
Lemma links_hold : forall e, On_line s b e -> ~ Causal_only e -> prev e <> 0 -> Next_smaller s b e (prev e).
Proof.
  intros e L C P. destruct (placed e) as (before & rest & E); [apply L |].
  destruct (by_test _ _ (next_smaller_iff s b fits _ _ _ E (prev e))) as [| N]; auto.
  destruct (agrees P1004 e). split; auto. split; auto. right. repeat split; auto. apply no_several_versions.
Qed.

End Agreeing.
