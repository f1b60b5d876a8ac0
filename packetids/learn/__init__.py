"""What trainings share: a task's rows, inputs, class weights."""
