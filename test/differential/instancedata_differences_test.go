package differential

// seedDifferences are those of the instance data of the seeds of our own.
var seedDifferences = []difference{}
