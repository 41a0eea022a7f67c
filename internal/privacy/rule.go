package privacy

// ownChecks are those that this room can make by itself: the rest of P-9 and what other rooms keep comes by Config.
func (r *Room) ownChecks() []Check {
	list := append(r.statementChecks(), r.formChecks()...)
	list = append(list, r.databaseChecks()...)
	list = append(list, r.rowChecks()...)
	list = append(list, r.toldChecks()...)
	list = append(list, r.disclosureChecks()...)
	list = append(list, r.workChecks()...)
	if r.server != nil {
		list = append(list, r.servedChecks()...)
	}
	return list
}
