(** The words of the predicates and the checker's tests for them mean the same. *)

From Coq Require Import List NArith Lia Bool Sorted.
From Omega Require Import Order Sorting Model Reconcile.
Import ListNotations.
Open Scope N_scope.

Lemma hash_in_key : forall e f, key e = key f -> hash e = hash f.
Proof. unfold key. congruence. Qed.

Lemma events_apart : forall b, hash_fits b -> apart key (events b).
Proof. intros b H e f He Hf E. apply H; auto. now apply hash_in_key. Qed.

Lemma distinct_in : forall b e, hash_fits b -> (In e (distinct b) <-> In_batch b e).
Proof. intros b e H. unfold distinct. apply canon_in. now apply events_apart. Qed.

Lemma distinct_ascending : forall b, ascending key (distinct b).
Proof. intro b. apply canon_ascending. Qed.

Lemma known_iff : forall s e, is_known s e = true <-> Known s e.
Proof.
  intros s e. unfold is_known, Known. destruct (accepted s (id e)) as [[l h] |]; split; intro H.
  - apply N.eqb_eq in H. subst. eauto.
  - destruct H as [l' H]. injection H as _ ->. apply N.eqb_refl.
  - discriminate.
  - destruct H as [l H]. discriminate.
Qed.

Lemma not_known_iff : forall s e, is_known s e = false <-> ~ Known s e.
Proof. intros s e. rewrite <- known_iff, not_true_iff_false. tauto. Qed.

Lemma same_stream_iff : forall e f, same_stream e f = true <-> Same_stream e f.
Proof. intros. unfold same_stream, Same_stream. now rewrite andb_true_iff, !N.eqb_eq. Qed.

Lemma causal_only_iff : forall e, causal_only e = false <-> ~ Causal_only e.
Proof. intros. unfold causal_only, Causal_only. rewrite N.leb_gt. lia. Qed.

Lemma above_frontier_iff : forall s e, above_frontier s e = true <-> Above_frontier s e.
Proof.
  intros. unfold above_frontier, Above_frontier. destruct (frontier_of s e); [apply N.ltb_lt | tauto].
Qed.

Lemma in_domain_iff : forall i, in_domain i = true <-> In_domain i.
Proof. intros. unfold in_domain, In_domain. now rewrite andb_true_iff, !N.ltb_lt. Qed.

Lemma id_in_state_iff : forall s i, id_in_state s i = true <-> Id_in_state s i.
Proof. intros. unfold id_in_state, Id_in_state. destruct (accepted s i); split; congruence. Qed.

Lemma numbered_in : forall b i l, In (i, l) (numbered b) <-> nth_error b i = Some l.
Proof.
  assert (H : forall (b : batch) n i l,
    In (i, l) (combine (seq n (length b)) b) <-> (n <= i)%nat /\ nth_error b (i - n) = Some l).
  { induction b as [| m b IH]; intros n i l; simpl.
    - split; [tauto |]. intros [_ E]. now destruct (i - n)%nat.
    - rewrite IH. split.
      + intros [E | [Hi E]].
        * injection E as <- <-. split; auto. now rewrite PeanoNat.Nat.sub_diag.
        * split; [lia |]. now replace (i - n)%nat with (S (i - S n)) by lia.
      + intros [Hi E]. destruct (PeanoNat.Nat.eq_dec n i) as [<- | Hn].
        * rewrite PeanoNat.Nat.sub_diag in E. injection E as <-. now left.
        * right. split; [lia |]. replace (i - n)%nat with (S (i - S n)) in E by lia. exact E. }
  intros b i l. unfold numbered. rewrite H, PeanoNat.Nat.sub_0_r. intuition lia.
Qed.

Lemma same_set_iff : forall p q, within p q && within q p = true <-> (forall i, In i p <-> In i q).
Proof.
  assert (H : forall p q, within p q = true <-> (forall i, In i p -> In i q)).
  { intros p q. unfold within. rewrite forallb_forall. split; intros H i Hi.
    - destruct (proj1 (existsb_exists _ _) (H i Hi)) as (j & Hj & E). apply N.eqb_eq in E. now subst.
    - apply existsb_exists. exists i. split; auto. apply N.eqb_refl. }
  intros p q. rewrite andb_true_iff, !H. firstorder.
Qed.

Lemma past_iff : forall e i, In i (past e) <-> Past e i.
Proof.
  intros e i. unfold past, Past. destruct (N.eqb_spec (prev e) 0); simpl; intuition congruence.
Qed.

Section Walking.

Variable s : state.
Variable b : batch.
Hypothesis fits : hash_fits b.

Notation es := (distinct b).

Lemma in_es : forall e, In e es <-> In_batch b e.
Proof. intro e. now apply distinct_in. Qed.

Lemma id_in_batch_iff : forall i, id_in_batch es i = true <-> Id_in_batch b i.
Proof.
  intro i. unfold id_in_batch, Id_in_batch. rewrite existsb_exists.
  split; intros (e & He & E); exists e; apply in_es in He || rewrite in_es; auto; now apply N.eqb_eq in E || apply N.eqb_eq.
Qed.

Lemma in_batch_log : forall e, In_batch b e <-> exists l, In l b /\ Holds l e.
Proof.
  intro e. unfold In_batch, events, occurrences, Holds. rewrite in_map_iff. split.
  - intros (o & E & Ho). apply in_concat in Ho. destruct Ho as (l & Hl & Ho). eauto 6.
  - intros (l & Hl & o & Ho & E). exists o. split; auto. apply in_concat. eauto.
Qed.

Lemma occurrence_of : forall o, In o (occurrences b) -> In_batch b (of o).
Proof. intros o H. unfold In_batch, events. now apply in_map. Qed.

Lemma holds_iff : forall l e, In l b -> In_batch b e -> (holds l e = true <-> Holds l e).
Proof.
  intros l e Hl He. unfold holds, Holds. rewrite existsb_exists.
  split; intros (o & Ho & E); exists o; split; auto.
  - apply N.eqb_eq in E. apply fits; auto. apply occurrence_of. apply in_concat. eauto.
  - apply N.eqb_eq. now subst.
Qed.

Lemma several_versions_iff : forall i, several_versions s es i = true <-> Several_versions s b i.
Proof.
  intro i. unfold several_versions, Several_versions.
  assert (F : forall e, In e (filter (fun e => N.eqb (id e) i) es) <-> In_batch b e /\ id e = i).
  { intro e. now rewrite filter_In, in_es, N.eqb_eq. }
  assert (D : NoDup (filter (fun e => N.eqb (id e) i) es)).
  { apply NoDup_filter, (ascending_nodup _ key), distinct_ascending. }
  destruct (filter (fun e => N.eqb (id e) i) es) as [| e [| f rest]].
  - split; [discriminate |]. intros (e & He & E & _). now destruct (proj2 (F e)).
  - destruct (proj1 (F e)) as [He Ei]; [now left |].
    assert (U : forall f, In_batch b f -> id f = i -> f = e).
    { intros f Hf E. destruct (proj2 (F f) (conj Hf E)) as [| []]; auto. }
    destruct (accepted s i) as [[l h] |].
    + rewrite negb_true_iff, N.eqb_neq. split.
      * intro H. exists e. repeat split; auto. right. eauto.
      * intros (f & Hf & E & [(g & Hg & E' & N) | (l' & h' & A & N)]).
        -- destruct N. now rewrite (U f), (U g).
        -- injection A as _ ->. now rewrite (U f) in N.
    + split; [discriminate |].
      intros (f & Hf & E & [(g & Hg & E' & N) | (l' & h' & A & N)]); [| discriminate].
      destruct N. now rewrite (U f), (U g).
  - split; auto. intros _. destruct (proj1 (F e)) as [He Ei]; [now left |].
    destruct (proj1 (F f)) as [Hf Ef]; [right; now left |].
    exists e. repeat split; auto. left. exists f. repeat split; auto.
    intro E. subst f. inversion D; subst. now apply H1; left.
Qed.

End Walking.
