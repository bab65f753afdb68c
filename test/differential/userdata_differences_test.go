package differential

// userDifferences are those of the inputs of user data of our own.
var userDifferences = []difference{}
