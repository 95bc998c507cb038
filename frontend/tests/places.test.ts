import { nearest, step } from "../src/course/places";
