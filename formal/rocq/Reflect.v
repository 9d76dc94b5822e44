(** At each place of its walk, each test of the checker says what its predicate says. *)

From Coq Require Import List NArith Lia Bool Sorted.
From Omega Require Import Order Sorting Model Reconcile Words.
Import ListNotations.
Open Scope N_scope.

Section Place.

Variable s : state.
Variable b : batch.
Hypothesis fits : hash_fits b.

Notation es := (distinct b).

Variables (before rest : list event) (e : event).
Hypothesis place : es = rev before ++ e :: rest.

Lemma here : In_batch b e.
Proof. apply (in_es b fits). rewrite place. apply in_or_app. right. now left. Qed.

Lemma sorted_parts : forall (l : list event) x r, StronglySorted (lt key) (l ++ x :: r) ->
  (forall y, In y l -> earlier y x) /\ (forall y, In y r -> earlier x y).
Proof.
  induction l as [| a l IH]; simpl; intros x r H.
  - inversion H as [| ? ? _ F]; subst. rewrite Forall_forall in F. now split.
  - inversion H as [| ? ? S F]; subst. destruct (IH _ _ S) as [L R]. split; auto.
    intros y [<- | Hy]; auto. rewrite Forall_forall in F. apply F. apply in_or_app. right. now left.
Qed.

Lemma in_before : forall f, In f before <-> In_batch b f /\ earlier f e.
Proof.
  pose proof (distinct_ascending b) as S. unfold ascending in S. rewrite place in S.
  apply sorted_parts in S. destruct S as [L R].
  intro f. rewrite in_rev, <- (in_es b fits), place, in_app_iff. simpl. split.
  - intro H. split; auto.
  - intros [[H | [<- | H]] E]; auto.
    + destruct (lt_irreflexive _ _ _ E).
    + destruct (lt_asymmetric _ _ _ _ E (R _ H)).
Qed.

Lemma in_stream_before : forall f, In f (stream_before s before e) <->
  In_batch b f /\ ~ Known s f /\ Same_stream f e /\ earlier f e.
Proof.
  intro f. unfold stream_before.
  rewrite filter_In, in_before, andb_true_iff, negb_true_iff, same_stream_iff, not_known_iff. tauto.
Qed.

Lemma in_line_before : forall f, In f (line_before s before e) <->
  On_line s b f /\ Same_stream f e /\ earlier f e.
Proof.
  intro f. unfold line_before. rewrite filter_In, in_stream_before, above_frontier_iff.
  unfold On_line. tauto.
Qed.

Lemma before_descending : StronglySorted (fun f g => earlier g f) before.
Proof.
  assert (H : forall l : list event, StronglySorted (lt key) (rev l) -> StronglySorted (fun f g => earlier g f) l).
  { induction l as [| a l IH]; simpl; intro H; constructor.
    - apply IH. clear - H. induction (rev l) as [| x r IHr]; [constructor |].
      simpl in H. inversion H as [| ? ? S F]; subst. constructor; auto.
      rewrite Forall_forall in *. intros y Hy. apply F. apply in_or_app. now left.
    - apply sorted_parts in H. destruct H as [L _]. rewrite Forall_forall.
      intros x Hx. apply L. now apply -> in_rev. }
  apply H. clear H. pose proof (distinct_ascending b) as S. unfold ascending in S. rewrite place in S.
  clear - S. induction (rev before) as [| x r IH]; [constructor |].
  simpl in S. inversion S as [| ? ? T F]; subst. constructor; auto.
  rewrite Forall_forall in *. intros y Hy. apply F. apply in_or_app. now left.
Qed.

Lemma filter_descending : forall (P : event -> bool) l,
  StronglySorted (fun f g => earlier g f) l -> StronglySorted (fun f g => earlier g f) (filter P l).
Proof.
  induction l as [| a l IH]; simpl; intro H; auto.
  inversion H as [| ? ? S F]; subst. destruct (P a); auto. constructor; auto.
  rewrite Forall_forall in *. intros x Hx. apply filter_In in Hx. now apply F.
Qed.

Lemma next_smaller_iff : forall i,
  match line_before s before e, frontier_of s e with
  | f :: _, _ => N.eqb (id f) i
  | [], Some f => N.eqb (f_id f) i
  | [], None => false
  end = true <-> Next_smaller s b e i.
Proof.
  intro i. unfold Next_smaller.
  assert (D : StronglySorted (fun f g => earlier g f) (line_before s before e)).
  { unfold line_before, stream_before. do 2 apply filter_descending. apply before_descending. }
  pose proof in_line_before as L. destruct (line_before s before e) as [| f r].
  - assert (No : forall g, On_line s b g -> Same_stream g e -> ~ earlier g e).
    { intros g Hg Hs He. now apply (proj2 (L g)). }
    destruct (frontier_of s e) as [f |].
    + rewrite N.eqb_eq. split.
      * intros <-. right. eauto.
      * intros [(g & Hg & Hs & He & _) | (_ & g & E & Ei)].
        -- destruct (No g Hg Hs He).
        -- congruence.
    + split; [discriminate |].
      intros [(g & Hg & Hs & He & _) | (_ & g & E & Ei)]; [destruct (No g Hg Hs He) | discriminate].
  - destruct (proj1 (L f)) as (Hf & Hs & He); [now left |].
    inversion D as [| ? ? _ F]; subst. rewrite Forall_forall in F.
    rewrite N.eqb_eq. split.
    + intros <-. left. exists f. do 4 (split; [assumption || reflexivity |]).
      intros g Hg Hgs Hge Hfg. destruct (proj2 (L g)) as [-> | Hr]; auto.
      * exact (lt_irreflexive _ _ _ Hfg).
      * exact (lt_asymmetric _ _ _ _ Hfg (F _ Hr)).
    + intros [(g & Hg & Hgs & Hge & Ei & Between) | (No & _)]; [| destruct (No f Hf Hs He)].
      destruct (proj2 (L g)) as [-> | Hr]; auto.
      destruct (Between f Hf Hs He (F _ Hr)).
Qed.

Ltac to_prop := repeat rewrite ?andb_true_iff, ?orb_true_iff, ?negb_true_iff, ?not_known_iff, ?known_iff,
  ?causal_only_iff, ?above_frontier_iff, ?N.eqb_eq, ?N.eqb_neq, ?N.leb_le, ?N.ltb_lt.

Lemma breaks_1001_iff : breaks_1001 s before e = true <-> Violates_1001 s b e.
Proof.
  unfold breaks_1001, Violates_1001. pose proof here.
  rewrite !andb_true_iff, orb_true_iff, !negb_true_iff, not_known_iff, causal_only_iff, existsb_exists.
  rewrite <- not_true_iff_false, above_frontier_iff.
  assert (E : (exists f, In f (stream_before s before e) /\ N.eqb (lamport f) (lamport e) = true) <->
    (exists f, In_batch b f /\ ~ Known s f /\ Same_stream f e /\ earlier f e /\ lamport f = lamport e)).
  { split; intros (f & Hf).
    - rewrite in_stream_before, N.eqb_eq in Hf. exists f. tauto.
    - exists f. rewrite in_stream_before, N.eqb_eq. tauto. }
  rewrite E. tauto.
Qed.

Lemma breaks_1002_iff : breaks_1002 b e = true <-> Violates_1002 b e.
Proof.
  unfold breaks_1002, Violates_1002. pose proof here. rewrite existsb_exists. split.
  - intros (l & Hl & E). split; auto. exists l. split; auto.
    apply andb_true_iff in E. destruct E as [E1 E2].
    apply PeanoNat.Nat.ltb_lt in E1. apply PeanoNat.Nat.leb_le in E2. auto.
  - intros (_ & l & Hl & E1 & E2). exists l. split; auto. apply andb_true_iff.
    now rewrite PeanoNat.Nat.ltb_lt, PeanoNat.Nat.leb_le.
Qed.

Lemma breaks_1003_iff : breaks_1003 e = true <-> Violates_1003 b e.
Proof.
  unfold breaks_1003, Violates_1003. pose proof here.
  rewrite negb_true_iff, <- not_true_iff_false, !andb_true_iff, in_domain_iff, forallb_forall, N.ltb_lt.
  assert (E : (forall d, In d (deps e) -> in_domain d = true) <-> (forall d, In d (deps e) -> In_domain d)).
  { split; intros D d Hd; apply in_domain_iff; auto. }
  rewrite E. tauto.
Qed.

Lemma breaks_1004_iff : breaks_1004 s es before e = true <-> Violates_1004 s b e.
Proof.
  unfold breaks_1004, Violates_1004, On_line, Gap. pose proof here. pose proof (next_smaller_iff (prev e)) as NS.
  set (found := match line_before s before e with
    | f :: _ => N.eqb (id f) (prev e)
    | [] => match frontier_of s e with Some f => N.eqb (f_id f) (prev e) | None => false end end) in *.
  rewrite !andb_true_iff, !negb_true_iff, not_known_iff, causal_only_iff, above_frontier_iff.
  destruct (N.eqb_spec (prev e) 0) as [Z | NZ].
  - rewrite orb_true_iff, existsb_exists.
    assert (E : (match frontier_of s e with Some f => f_linked f | None => false end = true \/
      (exists f, In f (line_before s before e) /\ negb (N.eqb (prev f) 0) = true)) <-> Linked_below s b e).
    { unfold Linked_below. split; (intros [E | E]; [left | right]).
      - destruct (frontier_of s e); [eauto | discriminate].
      - destruct E as (f & Hf & E). rewrite in_line_before in Hf. rewrite negb_true_iff, N.eqb_neq in E.
        exists f. tauto.
      - destruct E as (f & -> & E). exact E.
      - destruct E as (f & Hf). exists f. rewrite in_line_before, negb_true_iff, N.eqb_neq. tauto. }
    rewrite E. intuition congruence.
  - rewrite andb_true_iff, orb_true_iff, andb_true_iff, !negb_true_iff, <- !not_true_iff_false.
    rewrite (several_versions_iff s b fits), (id_in_batch_iff b fits), id_in_state_iff, NS. intuition congruence.
Qed.

Lemma breaks_2001_iff : breaks_2001 b e = true <-> Violates_2001 b e.
Proof.
  unfold breaks_2001, Violates_2001. pose proof here. rewrite existsb_exists. split.
  - intros (o & Ho & E). apply andb_true_iff in E. destruct E as [E F]. apply N.eqb_eq in E.
    destruct (found o) as [h |] eqn:Fo; [| discriminate]. apply negb_true_iff, N.eqb_neq in F.
    exists o, h. repeat split; auto. apply fits; auto. now apply occurrence_of.
  - intros (o & h & Ho & E & F & D). exists o. split; auto. rewrite E, F, N.eqb_refl. simpl.
    now apply negb_true_iff, N.eqb_neq.
Qed.

Lemma breaks_2002_iff : breaks_2002 s es e = true <-> Violates_2002 s b e.
Proof.
  unfold breaks_2002, Violates_2002. pose proof here.
  rewrite andb_true_iff, negb_true_iff, not_known_iff, existsb_exists.
  assert (E : forall d, negb (id_in_batch es d) && negb (id_in_state s d) = true <->
    ~ Id_in_batch b d /\ ~ Id_in_state s d).
  { intro d. rewrite andb_true_iff, !negb_true_iff, <- !not_true_iff_false, (id_in_batch_iff b fits), id_in_state_iff. tauto. }
  setoid_rewrite E. tauto.
Qed.

Lemma breaks_2003_iff : breaks_2003 s es e = true <-> Violates_2003 s b e.
Proof.
  unfold breaks_2003, Violates_2003. pose proof here.
  rewrite andb_true_iff, negb_true_iff, not_known_iff, existsb_exists.
  assert (E : forall d, existsb (fun f => N.eqb (id f) d && N.leb (lamport e) (lamport f)) es ||
      match accepted s d with Some (l, _) => N.leb (lamport e) l | None => false end = true <->
    (exists f, In_batch b f /\ id f = d /\ lamport e <= lamport f) \/
    (exists l h, accepted s d = Some (l, h) /\ lamport e <= l)).
  { intro d. rewrite orb_true_iff, existsb_exists.
    split; (intros [E | E]; [left | right]).
    - destruct E as (f & Hf & E). rewrite (in_es b fits) in Hf. rewrite andb_true_iff, N.eqb_eq, N.leb_le in E. eauto.
    - destruct (accepted s d) as [[l h] |]; [| discriminate]. apply N.leb_le in E. eauto.
    - destruct E as (f & Hf & E & L). exists f. rewrite (in_es b fits), andb_true_iff, N.eqb_eq, N.leb_le. auto.
    - destruct E as (l & h & -> & L). now apply N.leb_le. }
  setoid_rewrite E. tauto.
Qed.

Lemma breaks_3002_iff : breaks_3002 s before e = true <-> Violates_3002 s b e.
Proof.
  unfold breaks_3002, Violates_3002. pose proof here.
  destruct (claim e) as [c |]; [| split; [discriminate | intros (_ & [] & _); reflexivity]].
  pose proof (past_iff e) as P. destruct (past e) as [| p ps] eqn:Ep.
  - split; [discriminate |]. intros (_ & _ & (i & Hi) & _). now apply P in Hi.
  - rewrite existsb_exists. split.
    + intros (f & Hf & E). apply in_before in Hf. destruct Hf as [Hf He].
      destruct (claim f) as [d |] eqn:Ec; [| discriminate].
      rewrite !andb_true_iff, !negb_true_iff, N.eqb_neq, <- not_true_iff_false, andb_true_iff, !known_iff in E.
      destruct E as [[[D W1] W2] K]. repeat split; auto; try congruence.
      { exists p. apply P. now left. }
      exists f. repeat split; auto; try congruence; intro Hi.
      * apply P. apply past_iff in Hi. revert Hi. apply same_set_iff. now rewrite W1, W2.
      * apply past_iff. apply P in Hi. revert Hi. apply same_set_iff. now rewrite W1, W2.
    + intros (_ & _ & _ & f & Hf & He & Cf & D & W & K). exists f. rewrite in_before. split; auto.
      destruct (claim f) as [d |]; [| congruence].
      rewrite !andb_true_iff, !negb_true_iff, N.eqb_neq, <- not_true_iff_false, andb_true_iff, !known_iff.
      assert (S : within (past f) (p :: ps) && within (p :: ps) (past f) = true).
      { apply same_set_iff. intro i. rewrite past_iff. rewrite P. apply W. }
      apply andb_true_iff in S. destruct S. repeat split; auto. congruence.
Qed.

Lemma disagrees_iff : disagrees s b before e = true <-> Disagrees s b e.
Proof.
  unfold disagrees, Disagrees. pose proof here as Here. rewrite orb_true_iff, existsb_exists.
  assert (A : match accepted s (id e) with Some (_, h) => negb (N.eqb h (hash e)) | None => false end = true <->
    exists l h, accepted s (id e) = Some (l, h) /\ h <> hash e).
  { destruct (accepted s (id e)) as [[l h] |].
    - rewrite negb_true_iff, N.eqb_neq. split; [eauto |]. intros (l' & h' & E & D). congruence.
    - split; [discriminate |]. intros (l & h & E & _). discriminate. }
  rewrite A. split.
  - intros [H | (f & Hf & E)]; split; auto. right.
    apply in_before in Hf. destruct Hf as [Hf He]. apply andb_true_iff in E. destruct E as [Ei E].
    apply N.eqb_eq in Ei. apply existsb_exists in E. destruct E as ([i l] & Hi & E).
    apply andb_true_iff in E. destruct E as [Hl E]. apply existsb_exists in E. destruct E as ([j m] & Hj & E).
    simpl in *. apply andb_true_iff in E. destruct E as [D Hm]. apply negb_true_iff, PeanoNat.Nat.eqb_neq in D.
    apply numbered_in in Hi, Hj. exists i, j, l, m, f.
    apply (holds_iff b fits) in Hl; [| eapply nth_error_In; eauto | auto].
    apply (holds_iff b fits) in Hm; [| eapply nth_error_In; eauto | auto]. auto 10.
  - intros (_ & [H | (i & j & l & m & f & Hi & Hj & D & Hl & Hm & Ei & He)]); auto. right.
    assert (Hf : In_batch b f) by (apply in_batch_log; exists m; split; auto; eapply nth_error_In; eauto).
    exists f. rewrite in_before. split; auto. rewrite andb_true_iff, N.eqb_eq. split; auto.
    apply existsb_exists. exists (i, l). rewrite numbered_in. split; auto. simpl.
    apply andb_true_iff. split. { apply (holds_iff b fits); auto. eapply nth_error_In; eauto. }
    apply existsb_exists. exists (j, m). rewrite numbered_in. split; auto. simpl.
    apply andb_true_iff. split. { now apply negb_true_iff, PeanoNat.Nat.eqb_neq. }
    apply (holds_iff b fits); auto. eapply nth_error_In; eauto.
Qed.

End Place.

(** The checker looks for an earlier disagreement about the id at the place where that one stood. *)
Lemma none_before_iff : forall s b, hash_fits b -> forall e before rest, distinct b = rev before ++ rest ->
  (fix none_before (rest : list event) : bool :=
    match rest with
    | [] => true
    | f :: rest' => negb (N.eqb (id f) (id e) && disagrees s b rest' f) && none_before rest'
    end) before = true <-> (forall f, In f before -> id f = id e -> ~ Disagrees s b f).
Proof.
  intros s b fits e. induction before as [| f before IH]; intros rest E.
  - simpl. tauto.
  - simpl in E. rewrite <- app_assoc in E. simpl in E.
    rewrite andb_true_iff, (IH _ E), negb_true_iff, <- not_true_iff_false, andb_true_iff, N.eqb_eq.
    rewrite (disagrees_iff s b fits _ _ _ E). clear IH. split.
    + intros [H1 H2] g [<- | Hg] Ei; auto.
    + intro H. split.
      * intros [Ei D]. apply (H f); auto. now left.
      * intros g Hg. apply H. now right.
Qed.

Lemma breaks_3001_iff : forall s b, hash_fits b -> forall before rest e, distinct b = rev before ++ e :: rest ->
  breaks_3001 s b before e = true <-> Violates_3001 s b e.
Proof.
  intros s b fits before rest e E. unfold breaks_3001, Violates_3001.
  rewrite andb_true_iff, (disagrees_iff s b fits _ _ _ E), (none_before_iff s b fits e _ _ E).
  assert (H : (forall f, In f before -> id f = id e -> ~ Disagrees s b f) <->
    (forall f, Disagrees s b f -> id f = id e -> ~ earlier f e)).
  { split; intro H.
    - intros f D Ei He. apply (H f); auto. apply (in_before b fits _ _ _ E). split; auto. apply D.
    - intros f Hf Ei D. apply (in_before b fits _ _ _ E) in Hf. now apply (H f). }
  rewrite H. tauto.
Qed.

(** The checker's test at an event is the predicate. *)
Theorem breaks_iff : forall s b, hash_fits b -> forall before rest e, distinct b = rev before ++ e :: rest ->
  forall p, breaks s b (distinct b) before e p = true <-> Violates s b p e.
Proof.
  intros s b fits before rest e E p. destruct p; simpl.
  - now apply breaks_1002_iff with before rest.
  - now apply breaks_3001_iff with rest.
  - now apply breaks_1001_iff with rest.
  - now apply breaks_1003_iff with before rest.
  - now apply breaks_1004_iff with rest.
  - now apply breaks_2001_iff with before rest.
  - now apply breaks_2002_iff with before rest.
  - now apply breaks_2003_iff with before rest.
  - now apply breaks_3002_iff with rest.
Qed.

