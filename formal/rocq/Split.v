(** Splitting a batch: what merges in one go merges in parts too, and leaves the same state. *)

From Coq Require Import List NArith Lia Bool Permutation Sorted.
From Omega Require Import Order Sorting Model Reconcile Words Reflect Accepts State Agreeing Parts.
Import ListNotations.
Open Scope N_scope.

Section Splitting.

Variable s : state.
Variables b b1 b2 : batch.
Hypothesis fits : hash_fits b.
Hypothesis sound : Sound s.
Hypothesis parts : Two_parts s b b1 b2.
Hypothesis agrees : Agrees s b.

Let in1 : forall e, In_batch b1 e -> In_batch b e := part_event b1 b (proj1 parts).
Let in2 : forall e, In_batch b2 e -> In_batch b e := part_event b2 b (proj1 (proj2 parts)).
Let in_parts : forall e, In_batch b e -> In_batch b1 e \/ In_batch b2 e := proj1 (proj2 (proj2 parts)).
Let closed : Closed s b1 b := proj2 (proj2 (proj2 parts)).
Let fits1 : hash_fits b1 := part_fits b1 b (proj1 parts) fits.
Let fits2 : hash_fits b2 := part_fits b2 b (proj1 (proj2 parts)) fits.
Let unique := ids_are_unique s b fits agrees.

(** ** The first part *)

Theorem first_part_agrees : Agrees s b1.
Proof.
  assert (before_in_first : forall e f, In_batch b1 e -> ~ Causal_only e -> In_batch b f -> ~ Known s f ->
    Same_stream f e -> earlier f e -> In_batch b1 f).
  { intros e f He C Hf Kf S L. destruct (proj2 (closed e He) f); auto. contradiction. }
  intros [] e V; simpl in V.
  - now apply (part_crowding b1 b (proj1 parts) s e).
  - destruct V as [[He [D | (i & j & l & m & f & Hi & Hj & N & Hl & Hm & Ei & L)]] _].
    + destruct D as (l & h & A & N). apply N. now apply (state_agrees s b fits agrees e l h); auto.
    + assert (f = e) as ->.
      { apply unique; auto. apply in1. apply in_batch_log. exists m. split; auto. now apply nth_error_In in Hj. }
      exact (lt_irreflexive _ _ _ L).
  - destruct V as (He & K & C & [A | (f & Hf & Kf & S & L & E)]); apply (agrees P1001 e); repeat split; auto.
    + right. exists f. repeat split; auto; apply S.
  - destruct V as (He & D). apply (agrees P1003 e). split; auto.
  - destruct V as ((He & K & A) & C & V).
    assert (Be : On_line s b e) by (repeat split; auto).
    destruct V as [(P & Linked) | (P & _ & V)].
    + apply (agrees P1004 e). split; auto. split; auto. left. split; auto.
      destruct Linked as [Linked | (f & (Hf & Kf & Af) & R)]; [now left | right].
      exists f. split; auto. repeat split; auto.
    + assert (NS : Next_smaller s b e (prev e)) by (apply links_hold; auto).
      destruct V as [[G1 G2] | V].
      * destruct NS as [(f & (Hf & Kf & _) & S & L & E & _) | (_ & f & Ef & E)].
        -- apply G1. exists f. split; auto. now apply (before_in_first e f).
        -- apply G2. unfold Id_in_state. apply sound in Ef. rewrite <- E, Ef. discriminate.
      * apply V. destruct NS as [(f & (Hf & Kf & Af) & S & L & E & B) | (No & F)]; [left | right].
        -- exists f. assert (H1 : In_batch b1 f) by now apply (before_in_first e f).
           split; [repeat split; auto |]. do 3 (split; auto).
           intros g (Hg & Kg & Ag) Sg Lg. apply B; auto. repeat split; auto.
        -- split; auto. intros g (Hg & Kg & Ag). apply No. repeat split; auto.
  - destruct V as (o & h & Ho & E & F & D). apply (agrees P2001 e). exists o, h.
    repeat split; auto. now apply (part_occurrence b1 b (proj1 parts)).
  - destruct V as (He & K & d & Hd & N1 & N2). apply (agrees P2002 e). split; auto. split; auto.
    exists d. repeat split; auto. intro I. destruct (proj1 (closed e He) d Hd I); auto.
  - destruct V as (He & K & d & Hd & [(f & Hf & R) | R]); apply (agrees P2003 e); split; auto; split; auto;
      exists d; split; auto. left. exists f. auto.
  - destruct V as (He & C & P & f & Hf & R). apply (agrees P3002 e). split; auto. split; auto. split; auto.
    exists f. auto.
Qed.

(** ** The state in between *)

Let new1 : list event := not_known s (distinct b1).
Let s1 : state := accept s (distinct b1).

Lemma in_new : forall c, hash_fits c -> forall t e, In e (not_known t (distinct c)) <-> In_batch c e /\ ~ Known t e.
Proof.
  intros c F t e. unfold not_known. rewrite filter_In, negb_true_iff, not_known_iff, (distinct_in c e F). tauto.
Qed.

Lemma in_new1 : forall e, In e new1 <-> In_batch b1 e /\ ~ Known s e.
Proof. apply in_new. exact fits1. Qed.

Lemma unique_list : forall l : list event, NoDup l -> (forall e, In e l -> In_batch b e) -> NoDup (map id l).
Proof.
  induction l as [| e l IH]; simpl; intros D I; constructor.
  - inversion D; subst. intro H. apply in_map_iff in H. destruct H as (f & E & Hf).
    assert (f = e) by (apply unique; auto). now subst.
  - inversion D; subst. apply IH; auto.
Qed.

Lemma new_nodup : forall t c, NoDup (not_known t (distinct c)).
Proof. intros t c. apply NoDup_filter, (ascending_nodup _ key), distinct_ascending. Qed.

Lemma new1_ids : NoDup (map id new1).
Proof. apply unique_list; [apply new_nodup |]. intros e He. apply in_new1 in He. apply in1. tauto. Qed.

(** An id of the state in between is of the state before, or of an event of the first part. *)
Lemma accepted_between : forall i,
  (exists g, In g new1 /\ id g = i /\ accepted s1 i = Some (lamport g, hash g)) \/
  ((forall g, In g new1 -> id g <> i) /\ accepted s1 i = accepted s i).
Proof.
  intro i. destruct (in_dec N.eq_dec i (map id new1)) as [H | H].
  - left. apply in_map_iff in H. destruct H as (g & <- & Hg). exists g. repeat split; auto.
    apply (accepted_new new1); auto. apply new1_ids.
  - right. assert (N : forall g, In g new1 -> id g <> i).
    { intros g Hg E. apply H. subst i. now apply in_map. }
    split; auto. now apply (accepted_old new1).
Qed.

Lemma known_between : forall e, In_batch b e -> (Known s1 e <-> Known s e \/ In_batch b1 e).
Proof.
  intros e He. split.
  - intros (l & A). destruct (accepted_between (id e)) as [(g & Hg & E & _) | (_ & E)].
    + right. apply in_new1 in Hg. replace e with g; [tauto |]. apply unique; auto. apply in1. tauto.
    + left. exists l. congruence.
  - intros H. destruct (accepted_between (id e)) as [(g & Hg & E & A) | (N & A)].
    + apply in_new1 in Hg. assert (g = e) as -> by (apply unique; auto; apply in1; tauto). exists (lamport e). exact A.
    + destruct H as [(l & K) | H1]; [exists l; congruence |].
      destruct (known_dec s e) as [(l & K) | K]; [exists l; congruence |].
      destruct (N e); auto. now apply in_new1.
Qed.

Lemma still_accepted : forall i, Id_in_state s i -> Id_in_state s1 i.
Proof.
  unfold Id_in_state. intros i H. destruct (accepted_between i) as [(g & _ & _ & ->) | (_ & ->)]; auto. discriminate.
Qed.

(** New in the second part: neither known before nor in the first. *)
Lemma new_in_second : forall e, In_batch b2 e -> ~ Known s1 e -> In_batch b e /\ ~ Known s e /\ ~ In_batch b1 e.
Proof. intros e H K. apply in2 in H. rewrite (known_between e H) in K. tauto. Qed.

(** What the first part has of a judged stream comes before what is new in the second. *)
Lemma first_before_second : forall e g, In_batch b e -> ~ Known s e -> ~ In_batch b1 e -> ~ Causal_only e ->
  In_batch b1 g -> Same_stream g e -> earlier g e.
Proof.
  intros e g He K N C Hg S.
  destruct (apart_total _ key _ g e (events_apart _ fits) (in1 g Hg) He) as [| [-> | L]]; auto; [contradiction |].
  destruct (proj2 (closed g Hg) e He (same_stream_sym _ _ S)); auto; [now apply (causal_same g e) | |]; contradiction.
Qed.

Lemma above_between : forall e, In_batch b2 e -> ~ Known s1 e -> ~ Causal_only e -> Above_frontier s1 e.
Proof.
  intros e H2 K1 C. destruct (new_in_second e H2 K1) as (He & K & N).
  pose proof (above_where_judged s b agrees e He K C) as A.
  unfold Above_frontier. change (frontier_of s1 e) with (frontier_at s1 (stream_key e)).
  destruct (frontier_at s1 (stream_key e)) as [f |] eqn:F; auto.
  destruct (frontier_from new1 s _ _ F) as ([(g & G & -> & _) | (g & Hg & S & -> & _)] & _).
  - unfold Above_frontier in A. change (frontier_of s e) with (frontier_at s (stream_key e)) in A. now rewrite G in A.
  - apply in_new1 in Hg. destruct Hg as [Hg Kg]. apply same_stream_key in S.
    apply (lamports_differ s b agrees); auto. now apply first_before_second.
Qed.

Lemma line_between : forall g e, On_line s1 b2 g -> Same_stream g e -> ~ Causal_only e ->
  On_line s b g /\ ~ In_batch b1 g.
Proof.
  intros g e (Hg & Kg & _) S C. destruct (new_in_second g Hg Kg) as (Bg & K & N). repeat split; auto.
  apply (above_where_judged s b agrees); auto. now apply (causal_same g e).
Qed.

(** The next smaller of the whole is the next smaller of the second part, or the frontier that the first left. *)
Lemma next_smaller_between : forall e i, On_line s1 b2 e -> ~ Causal_only e -> Next_smaller s b e i ->
  Next_smaller s1 b2 e i /\ (Id_in_batch b2 i \/ Id_in_state s1 i).
Proof.
  intros e i (H2 & K1 & _) C NS. destruct (new_in_second e H2 K1) as (He & K & N1).
  assert (Line : forall g, On_line s1 b2 g -> Same_stream g e -> On_line s b g /\ ~ In_batch b1 g).
  { intros g Lg S. now apply (line_between g e). }
  destruct NS as [(f & (Hf & Kf & Af) & S & L & Ei & B) | (No & f & F & Ei)].
  - destruct (known_dec s1 f) as [K1f | K1f].
    + assert (H1 : In_batch b1 f) by (apply known_between in K1f; auto; tauto).
      assert (Nf : In f new1) by (apply in_new1; auto).
      split; [right; split |].
      * intros g Lg Sg Eg. destruct (Line g Lg Sg) as [Lb Nb].
        destruct (apart_total _ key _ f g (events_apart _ fits) Hf (proj1 Lb)) as [T | [-> | T]].
        -- exact (B g Lb Sg Eg T).
        -- contradiction.
        -- assert (Sgf : Same_stream g f) by (destruct S, Sg; split; congruence).
           destruct (proj2 (closed f H1) g (proj1 Lb) Sgf); auto; [now apply (causal_same f e) |].
           now apply (proj1 (proj2 Lb)).
      * change (frontier_of s1 e) with (frontier_at s1 (stream_key e)).
        destruct (frontier_there new1 s (stream_key e) f Nf) as (f1 & F1); [now apply same_stream_key |].
        exists f1. split; [exact F1 |].
        destruct (frontier_from new1 s _ _ F1) as ([(g & G & El & Eg & _) | (g & Hg & Sg & El & Eg & _)] & Most & _);
          specialize (Most f Nf (proj1 (same_stream_key f e) S)); rewrite El, Eg in Most.
        -- exfalso. unfold Above_frontier in Af.
           replace (frontier_of s f) with (Some g) in Af
             by (rewrite <- G; unfold frontier_at, frontier_of, stream_key; destruct S as [-> ->]; reflexivity).
           apply lex_le_first in Most. lia.
        -- rewrite Eg, <- Ei. apply in_new1 in Hg. destruct Hg as [Hg Kg]. apply same_stream_key in Sg.
           assert (Sgf : Same_stream g f) by (destruct Sg, S; split; congruence).
           assert (Cg : ~ Causal_only g) by now apply (causal_same g e).
           destruct (apart_total _ key _ f g (events_apart _ fits) Hf (in1 g Hg)) as [T | [-> | T]]; auto.
           ++ exfalso. apply (B g); auto.
              ** repeat split; auto. apply (above_where_judged s b agrees); auto.
              ** now apply first_before_second.
           ++ exfalso. apply lex_le_first in Most.
              assert (lamport g < lamport f); [| lia].
              apply (lamports_differ s b agrees); auto. now apply (causal_same f e).
      * right. subst i. unfold Id_in_state.
        destruct K1f as (l & ->). discriminate.
    + assert (H2f : In_batch b2 f).
      { destruct (in_parts f Hf) as [H1 |]; auto. destruct K1f. apply known_between; auto. }
      assert (Cf : ~ Causal_only f) by now apply (causal_same f e).
      split; [left | left; exists f; auto].
      exists f. split; [repeat split; auto; now apply above_between |]. do 3 (split; auto).
      intros g Lg Sg Eg. apply B; auto. now apply Line.
  - split; [right; split |].
    + intros g Lg Sg. apply No; auto. now apply Line.
    + exists f. split; auto. rewrite <- F. apply (frontier_untouched new1).
      intros g Hg Sg. apply in_new1 in Hg. destruct Hg as [Hg Kg]. apply same_stream_key in Sg.
      apply (No g); auto.
      * repeat split; auto. apply (above_where_judged s b agrees); auto. now apply (causal_same g e).
      * now apply first_before_second.
    + right. apply still_accepted. unfold Id_in_state. apply sound in F. rewrite <- Ei, F. discriminate.
Qed.

(** ** The second part *)

Theorem second_part_agrees : Agrees s1 b2.
Proof.
  intros [] e V; simpl in V.
  - now apply (part_crowding b2 b (proj1 (proj2 parts)) s e).
  - destruct V as [[He [D | (i & j & l & m & f & Hi & Hj & N & Hl & Hm & Ei & L)]] _].
    + destruct D as (l & h & A & N). destruct (accepted_between (id e)) as [(g & Hg & E & A') | (_ & A')].
      * apply in_new1 in Hg. assert (g = e) as -> by (apply unique; auto; apply in1; tauto). congruence.
      * apply N. apply (state_agrees s b fits agrees e l h); auto. congruence.
    + assert (f = e) as ->.
      { apply unique; auto. apply in2. apply in_batch_log. exists m. split; auto. now apply nth_error_In in Hj. }
      exact (lt_irreflexive _ _ _ L).
  - destruct V as (He & K1 & C & [A | (f & Hf & Kf & S & L & E)]).
    + apply A. now apply above_between.
    + destruct (new_in_second e He K1) as (Be & K & _). destruct (new_in_second f Hf Kf) as (Bf & Kf' & _).
      assert (lamport f < lamport e); [| lia]. apply (lamports_differ s b agrees); auto.
  - destruct V as (He & D). apply (agrees P1003 e). split; auto.
  - destruct V as (Le & C & V). pose proof Le as (He & K1 & A1).
    destruct (new_in_second e He K1) as (Be & K & N).
    assert (Lb : On_line s b e) by (repeat split; auto; now apply (above_where_judged s b agrees)).
    destruct V as [(P & Linked) | (P & _ & V)].
    + apply (agrees P1004 e). split; auto. split; auto. left. split; auto.
      destruct Linked as [(f & F & Lf) | (f & Lf & S & T & Pf)].
      * destruct (frontier_from new1 s _ _ F) as (_ & _ & From). destruct (From Lf) as [(g & G & Lg) | (g & Hg & S & Pg)].
        -- left. exists g. auto.
        -- right. exists g. apply in_new1 in Hg. destruct Hg as [Hg Kg]. apply same_stream_key in S.
           split; [| split; [exact S | split; [now apply first_before_second | exact Pg]]].
           repeat split; auto. apply (above_where_judged s b agrees); auto. now apply (causal_same g e).
      * right. exists f. split; auto. now apply (line_between f e).
    + assert (NS : Next_smaller s b e (prev e)) by (apply links_hold; auto).
      destruct (next_smaller_between e (prev e) Le C NS) as [NS2 There].
      destruct V as [[G1 G2] | V]; [destruct There |]; auto.
  - destruct V as (o & h & Ho & E & F & D). apply (agrees P2001 e). exists o, h.
    repeat split; auto. now apply (part_occurrence b2 b (proj1 (proj2 parts))).
  - destruct V as (He & K1 & d & Hd & N2 & N1). destruct (new_in_second e He K1) as (Be & K & _).
    apply (agrees P2002 e). split; auto. split; auto. exists d. repeat split; auto.
    + intros (f & Hf & Ed). destruct (in_parts f Hf) as [H1 | H2].
      * apply N1. unfold Id_in_state. destruct (proj2 (known_between f Hf) (or_intror H1)) as (l & A).
        subst d. rewrite A. discriminate.
      * apply N2. exists f. auto.
    + intro I. apply N1. now apply still_accepted.
  - destruct V as (He & K1 & d & Hd & V). destruct (new_in_second e He K1) as (Be & K & _).
    apply (agrees P2003 e). split; auto. split; auto. exists d. split; auto.
    destruct V as [(f & Hf & R) | (l & h & A & R)]; [left; exists f; auto |].
    destruct (accepted_between d) as [(g & Hg & E & A') | (_ & A')].
    + left. exists g. apply in_new1 in Hg. destruct Hg as [Hg _].
      split; auto. split; auto. rewrite A in A'. injection A' as -> _. exact R.
    + right. exists l, h. split; auto. congruence.
  - destruct V as (He & Cl & P & f & Hf & T & Cf & D & W & K). apply (agrees P3002 e).
    split; auto. split; auto. split; auto. exists f. repeat split; auto; try apply W.
    intros [Kf Ke]. apply K. split; apply known_between; auto.
Qed.

(** *** Both parts merge, and the state is the same. *)
Theorem two_parts_merge : exists t1 t2,
  reconcile s b1 = Merge t1 /\ reconcile t1 b2 = Merge t2 /\
  forall t, reconcile s b = Merge t -> Same_state t2 t.
Proof.
  pose proof first_part_agrees as A1. pose proof second_part_agrees as A2.
  apply (accepts_exactly_what_agrees s b1 fits1) in A1. destruct A1 as (t1 & R1).
  apply (accepts_exactly_what_agrees s1 b2 fits2) in A2. destruct A2 as (t2 & R2).
  assert (E1 : t1 = s1).
  { unfold reconcile in R1. destruct (walk s b1 (distinct b1) [] (distinct b1)) as [[] |]; [discriminate |]. now injection R1. }
  subst t1. exists s1, t2. split; auto. split; auto. intros t R.
  unfold reconcile in R, R2.
  destruct (walk s b (distinct b) [] (distinct b)) as [[] |]; [discriminate |]. injection R as <-.
  destruct (walk s1 b2 (distinct b2) [] (distinct b2)) as [[] |]; [discriminate |]. injection R2 as <-.
  unfold accept at 1. change (fold_left accept_event (not_known s1 (distinct b2)) s1)
    with (accept_all (not_known s1 (distinct b2)) (accept_all new1 s)).
  unfold accept_all. rewrite <- fold_left_app.
  assert (D : NoDup (new1 ++ not_known s1 (distinct b2))).
  { apply nodup_app; try apply new_nodup. intros x Hx Hy. apply in_new1 in Hx. apply (in_new b2 fits2) in Hy.
    apply (proj2 Hy). apply known_between; [apply in1 |]; tauto. }
  apply (accepting_forgets_order (new1 ++ not_known s1 (distinct b2)) (not_known s (distinct b))).
  - apply NoDup_Permutation; auto; [apply new_nodup |].
    intro x. rewrite in_app_iff, in_new1, (in_new b2 fits2), (in_new b fits). split.
    + intros [[H K] | [H K]]; [auto |]. destruct (new_in_second x H K) as (? & ? & _). auto.
    + intros [H K]. destruct (known_dec s1 x) as [K1 | K1].
      * left. apply known_between in K1; auto. tauto.
      * right. split; auto. destruct (in_parts x H) as [H1 |]; auto. destruct K1. apply known_between; auto.
  - apply unique_list; auto.
    intros e He. apply in_app_iff in He. rewrite in_new1, (in_new b2 fits2) in He. destruct He as [[H _] | [H _]]; auto.
  - apply same_state_refl.
Qed.

End Splitting.
