(** Any number of consecutive parts. And what does not hold: parts may merge where the whole does not. *)

From Coq Require Import List NArith Lia Bool Permutation Sorted.
From Omega Require Import Order Sorting Model Reconcile Words Reflect Accepts State Agreeing Parts Split.
Import ListNotations.
Open Scope N_scope.

(** ** Parts put together again: log by log *)

Fixpoint zip (a c : batch) : batch :=
  match a, c with
  | l :: a', m :: c' => (l ++ m) :: zip a' c'
  | [], _ => c
  | _, [] => a
  end.

Definition join (parts : list batch) : batch := fold_right zip [] parts.

Lemma zip_nil : forall a, zip a [] = a.
Proof. now destruct a. Qed.

Lemma zip_occurrences : forall a c o, In o (occurrences (zip a c)) <-> In o (occurrences a) \/ In o (occurrences c).
Proof.
  unfold occurrences. induction a as [| l a IH]; intros [| m c] o; simpl.
  - tauto.
  - tauto.
  - rewrite !in_app_iff. tauto.
  - rewrite !in_app_iff, IH. tauto.
Qed.

Lemma zip_in : forall a c e, In_batch (zip a c) e <-> In_batch a e \/ In_batch c e.
Proof.
  unfold In_batch, events. intros a c e. rewrite !in_map_iff. split.
  - intros (o & E & H). apply zip_occurrences in H. destruct H; [left | right]; eauto.
  - intros [(o & E & H) | (o & E & H)]; exists o; split; auto; apply zip_occurrences; auto.
Qed.

Lemma join_in : forall parts e, In_batch (join parts) e <-> exists p, In p parts /\ In_batch p e.
Proof.
  induction parts as [| p parts IH]; simpl; intro e.
  - split; [intros [] | intros (p & [] & _)].
  - rewrite zip_in, IH. split.
    + intros [H | (q & Hq & H)]; eauto.
    + intros (q & [-> | Hq] & H); eauto.
Qed.

Lemma zip_part_left : forall a c, Part a (zip a c).
Proof.
  intros a c. exists (fun i => i). split; auto. revert c.
  induction a as [| l a IH]; intros c i x E; [now destruct i |].
  destruct c as [| m c]; simpl.
  - exists x, []. rewrite app_nil_r. auto.
  - destruct i as [| i]; simpl in *.
    + injection E as <-. exists (l ++ m), m. auto.
    + apply IH. exact E.
Qed.

Lemma zip_part_right : forall a c, Part c (zip a c).
Proof.
  intros a c. exists (fun i => i). split; auto. revert c.
  induction a as [| l a IH]; intros c i x E; simpl.
  - exists x, []. rewrite app_nil_r. auto.
  - destruct c as [| m c]; [now destruct i |]. destruct i as [| i]; simpl in *.
    + injection E as <-. exists (l ++ m), l. split; auto. apply Permutation_app_comm.
    + apply IH. exact E.
Qed.

(** Nothing that an event needs comes only in a later part. *)
Definition In_order (parts : list batch) : Prop :=
  forall before p after, parts = before ++ p :: after -> forall e, In_batch p e ->
  (forall d, In d (deps e) -> Id_in_batch (join after) d -> Id_in_batch p d \/ Id_in_batch (join before) d) /\
  (forall f, In_batch (join after) f -> Same_stream f e -> ~ Causal_only e -> earlier f e ->
    In_batch p f \/ In_batch (join before) f).

(** Judges the parts one after the other. *)
Fixpoint reconcile_all (s : state) (parts : list batch) : option state :=
  match parts with
  | [] => Some s
  | p :: rest => match reconcile s p with Merge t => reconcile_all t rest | Obstruction _ _ => None end
  end.

(** ** What a merge leaves *)

Section Merged.

Variables (s t : state) (b : batch).
Hypothesis fits : hash_fits b.
Hypothesis merged : reconcile s b = Merge t.

Let agrees : Agrees s b.
Proof. apply (accepts_exactly_what_agrees s b fits). eauto. Qed.

Let next : t = accept_all (not_known s (distinct b)) s.
Proof.
  unfold reconcile in merged. destruct (walk s b (distinct b) [] (distinct b)) as [[] |]; [discriminate |].
  now injection merged.
Qed.

Lemma new_iff : forall e, In e (not_known s (distinct b)) <-> In_batch b e /\ ~ Known s e.
Proof. intro e. now apply in_new. Qed.

Lemma new_ids : NoDup (map id (not_known s (distinct b))).
Proof.
  apply (unique_list s b fits agrees); [apply new_nodup |]. intros e He. now apply new_iff in He.
Qed.

Lemma batch_is_known : forall e, In_batch b e -> Known t e.
Proof.
  intros e He. destruct (known_dec s e) as [(l & A) | K].
  - exists l. rewrite next, accepted_old; auto.
    intros g Hg E. apply new_iff in Hg. destruct Hg as [Hg Kg].
    assert (g = e) as -> by (apply (ids_are_unique s b fits agrees); auto). apply Kg. exists l. exact A.
  - exists (lamport e). rewrite next. apply accepted_new; [apply new_ids | now apply new_iff].
Qed.

Lemma accepted_stays : forall i l h, accepted s i = Some (l, h) -> accepted t i = Some (l, h).
Proof.
  intros i l h A. rewrite next, accepted_old; auto.
  intros g Hg E. apply new_iff in Hg. destruct Hg as [Hg Kg]. apply Kg. exists l. subst i. rewrite A. f_equal. f_equal.
  now apply (state_agrees s b fits agrees g l h).
Qed.

Lemma known_stays : forall e, Known s e -> Known t e.
Proof. intros e (l & A). exists l. now apply accepted_stays. Qed.

Lemma merged_is_sound : Sound s -> Sound t.
Proof.
  intros S k f F. rewrite next in F.
  destruct (frontier_from _ s k f F) as ([(g & G & El & Ei & Eh) | (e & He & Ek & El & Ei & Eh)] & _).
  - rewrite El, Ei, Eh. apply accepted_stays. now apply S with k.
  - rewrite El, Ei, Eh, next. apply accepted_new; auto. apply new_ids.
Qed.

End Merged.

Lemma genesis_is_sound : Sound genesis.
Proof. intros k f F. discriminate. Qed.

Lemma parts_merge : forall parts before s t, In_order (before ++ parts) ->
  (forall e, In_batch (join before) e -> Known s e) -> Sound s -> hash_fits (join parts) ->
  reconcile s (join parts) = Merge t -> exists u, reconcile_all s parts = Some u /\ Same_state u t.
Proof.
  induction parts as [| p rest IH]; intros before s t O K S H R.
  - simpl in R. injection R as <-. exists s. split; [reflexivity | apply same_state_refl].
  - set (b := join (p :: rest)) in *.
    assert (Parts : Two_parts s b p (join rest)).
    { split; [apply zip_part_left |]. split; [apply zip_part_right |].
      split; [intros e He; now apply zip_in |].
      intros e He. destruct (O before p rest eq_refl e He) as [D P]. split.
      - intros d Hd (f & Hf & Ef). apply zip_in in Hf. destruct Hf as [Hf | Hf]; [left; now exists f |].
        destruct (D d Hd) as [| (g & Hg & Eg)]; auto; [now exists f |].
        right. destruct (K g Hg) as (l & A). unfold Id_in_state. subst d. rewrite <- Eg, A. discriminate.
      - intros f Hf Sf C L. apply zip_in in Hf. destruct Hf as [| Hf]; auto. destruct (P f); auto. }
    assert (A : Agrees s b) by (apply (accepts_exactly_what_agrees s b H); eauto).
    destruct (two_parts_merge s b p (join rest) H S Parts A) as (t1 & t2 & R1 & R2 & E).
    assert (Hp : hash_fits p) by (apply (part_fits p b); [apply Parts | exact H]).
    assert (Hr : hash_fits (join rest)) by (apply (part_fits (join rest) b); [apply Parts | exact H]).
    destruct (IH (before ++ [p]) t1 t2) as (u & U & Eu); auto.
    + now rewrite <- app_assoc.
    + intros e He. apply join_in in He. destruct He as (q & Hq & He). apply in_app_iff in Hq.
      destruct Hq as [Hq | [<- | []]].
      * apply (known_stays s t1 p Hp R1). apply K. apply join_in. eauto.
      * now apply (batch_is_known s t1 p Hp R1).
    + now apply (merged_is_sound s t1 p Hp R1).
    + exists u. simpl. rewrite R1. split; auto. eapply same_state_trans; eauto.
Qed.

(** *** If a batch merges, so do consecutive parts that are closed under deps and stream predecessors, however many
    they are, and they end in the same state. *)
Theorem every_split_merges : forall parts s t, In_order parts -> Sound s -> hash_fits (join parts) ->
  reconcile s (join parts) = Merge t -> exists u, reconcile_all s parts = Some u /\ Same_state u t.
Proof. intros parts s t O. apply (parts_merge parts [] s t O). intros e []. Qed.

(** ** The other direction does not hold *)

(** Two claims about one past are compared only where they come in one batch: the state carries no claims. *)
Definition root_event := Event 1 1 0 1 0 None 0 [] 1.
Definition claiming (n claim : N) := Event 2 n 0 (n + 10) 0 (Some claim) 0 [1] (n + 10).
Definition alone (e : event) : batch := [[Occurrence e None]].

Theorem parts_may_merge_where_the_whole_does_not :
  let parts := [alone root_event; alone (claiming 2 5); alone (claiming 3 6)] in
  In_order parts /\ hash_fits (join parts) /\
  (exists t, reconcile_all genesis parts = Some t) /\
  reconcile genesis (join parts) = Obstruction P3002 (claiming 3 6).
Proof.
  split; [| split; [| split; [eexists; vm_compute; reflexivity | vm_compute; reflexivity]]].
  - intros before p after E e He.
    destruct before as [| b0 [| b1 [| b2 before]]]; simpl in E; injection E as <- <-.
    + destruct He as [<- | []]. split; [intros d [] |].
      intros f [<- | [<- | []]] S _ _; destruct S; discriminate.
    + subst. destruct He as [<- | []]. split.
      * intros d [<- | []] _. right. exists root_event. split; [now left | reflexivity].
      * intros f [<- | []] S _ _. destruct S; discriminate.
    + subst. destruct He as [<- | []]. split; [intros d _ (f & [] & _) | intros f []].
    + destruct before; discriminate.
  - intros e f He Hf E.
    repeat (destruct He as [<- | He]; [| idtac]); try contradiction;
      repeat (destruct Hf as [<- | Hf]; [| idtac]); try contradiction; try reflexivity; discriminate.
Qed.

(** ** Predecessors in a stream are told by order, not by prev *)

(** Two events of one stream, neither linked: closed under deps and prev in any order, but only one order merges. *)
Definition unlinked (n : N) := Event n 1 0 n 0 None 0 [] n.

Theorem closed_under_prev_is_not_enough :
  let whole := [[Occurrence (unlinked 1) None; Occurrence (unlinked 2) None]] in
  (exists t, reconcile genesis whole = Merge t) /\
  exists t, reconcile genesis (alone (unlinked 2)) = Merge t /\
    reconcile t (alone (unlinked 1)) = Obstruction P1001 (unlinked 1).
Proof.
  split.
  - eexists. vm_compute. reflexivity.
  - eexists. split; vm_compute; reflexivity.
Qed.
